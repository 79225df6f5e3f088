import type { Command } from 'commander'
import { webServerConfiguration, type WebServer, webServers } from '../../gateway/index.ts'
import { ExitCode } from '../../protocol/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'

interface Flags {
  readonly path: string
  readonly upstream: string
}

const titles: Readonly<Record<WebServer, string>> = {
  nginx: 'nginx',
  apache: 'Apache httpd',
  caddy: 'Caddy',
}

/** `longwave gateway nginx|apache|caddy` */
export function declare(command: Command, run: Runner): void {
  command.addHelpText(
    'after',
    `
Examples:
  longwave gateway nginx --path /dl
  longwave gateway caddy --path /files/longwave --upstream http://127.0.0.1:9000`,
  )
  for (const server of webServers) {
    command
      .command(server)
      .description(`print the configuration for ${titles[server]}`)
      .option('--path <path>', 'where the transmitter lies on the site', '/dl')
      .option('--upstream <url>', 'the transmitter itself', 'http://127.0.0.1:5282')
      .addHelpText(
        'after',
        `
Examples:
  longwave gateway ${server} --path /dl
  longwave gateway ${server} --path /files/longwave --upstream http://127.0.0.1:9000

The transmitter must know the address that the site gives it:
  longwave transmitter start --public-url https://SITE/dl

Exit codes: 0 ok, 2 the path or the URL cannot be used.`,
      )
      .action(run(async (session, flags: Flags) => print(session, server, flags)))
  }
}

async function print(session: Session, server: WebServer, flags: Flags): Promise<number> {
  const pieces = webServerConfiguration(server, flags)
  for (const { place, text } of pieces) {
    session.output.emit({ type: 'configuration', server, place, text })
    for (const line of [`# Longwave: ${place}`, ...text.split('\n')]) session.output.print(line)
  }
  session.output.note(
    `Start the transmitter with: longwave transmitter start --listen ${new URL(flags.upstream).host} --public-url https://SITE${flags.path}`,
  )
  return ExitCode.ok
}
