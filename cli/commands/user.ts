import type { Command } from 'commander'
import type { Runner } from '../program.ts'
import { declareTokens } from './tokens/index.ts'

/** `longwave user token add|list|revoke` */
export function declare(command: Command, run: Runner): void {
  declareTokens(command, run)
}
