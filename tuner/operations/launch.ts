import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureDirectory } from '../../store/durable-files/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { isGranted } from './grant.ts'
import { healDamages } from './heal.ts'
import { readableCurrent } from './readable-current.ts'
import { generationStore, inTurn, updateContext } from './recover.ts'

/** How a verified channel is launched. */
export type LaunchPlan =
  | { readonly kind: 'page'; readonly release: number; readonly url: string; readonly file: string }
  | {
      readonly kind: 'command'
      readonly release: number
      readonly command: string
      readonly arguments: readonly string[]
      readonly directory: string
      readonly environment: Readonly<Record<string, string>>
      readonly isSandboxed: boolean
    }

/**
 * Verifies every file of a channel, mends what is damaged, and says how it is launched (C83). What
 * is not as published is never launched; freshness does not matter for that.
 * @throws LW_TUNER_DAMAGED, LW_TUNER_NOT_TRUSTED, LW_TUNER_NOTHING_TO_LAUNCH
 */
export function prepareLaunch(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions = {},
): Promise<LaunchPlan> {
  return inTurn(context, subscription, (latest) => prepareInTurn(context, latest, options))
}

async function prepareInTurn(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions,
): Promise<LaunchPlan> {
  const store = generationStore(context, subscription)
  const { current } =
    subscription.into === undefined
      ? await readableCurrent(context, subscription, { store, options })
      : { current: undefined }
  const main = current?.manifest.main
  if (current === undefined || main === undefined) {
    throw tunerError('LW_TUNER_NOTHING_TO_LAUNCH', {
      next: 'The publisher names a page or command: longwave publish … --kind html --main index.html',
    })
  }
  try {
    await healDamages(updateContext(context, subscription, options), store, current)
  } catch (cause) {
    options.signal?.throwIfAborted()
    throw tunerError('LW_TUNER_DAMAGED', {
      detail: 'They could not be fetched again.',
      untouched: 'Nothing was launched.',
      cause,
    })
  }
  const file = path.join(current.tree, ...main.split('/'))
  const { release } = current
  if (current.manifest.kind !== 'application') {
    return { kind: 'page', release, url: pathToFileURL(file).href, file }
  }
  const data = path.join(store.directory, 'data')
  await ensureDirectory(context.fs, data, { mode: 0o700 })
  const access = await context.accesses.find(subscription.id)
  const environment = {
    LONGWAVE_CHANNEL: subscription.name,
    LONGWAVE_CHANNEL_DATA: data,
    ...(access === undefined
      ? {}
      : { LONGWAVE_CHANNEL_SOCKET: access.socket, LONGWAVE_CHANNEL_TOKEN: access.token }),
  }
  const isScript = /\.(mjs|js|cjs)$/.test(main)
  if (isGranted(subscription)) {
    const command = isScript ? process.execPath : file
    const argument = isScript ? [file] : []
    return {
      kind: 'command',
      release,
      command,
      arguments: argument,
      directory: data,
      environment,
      isSandboxed: false,
    }
  }
  if (!isScript || current.manifest.requires?.includes('trusted') === true) {
    throw tunerError('LW_TUNER_NOT_TRUSTED', {
      untouched: 'Nothing was launched; its files can be looked at.',
      next: `longwave trust ${subscription.name}`,
    })
  }
  // Node's permission model: the release can be read, only the channel's own folder written.
  const fence = [
    '--experimental-permission',
    `--allow-fs-read=${current.tree}`,
    `--allow-fs-read=${data}`,
    `--allow-fs-write=${data}`,
  ]
  return {
    kind: 'command',
    release,
    command: process.execPath,
    arguments: [...fence, file],
    directory: data,
    environment,
    isSandboxed: true,
  }
}
