import type { CommandModule } from './program.ts'

/** One command: its module is loaded when it is used. */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<CommandModule>
}

/** All commands in the order in which help lists them. */
export const commandTable: readonly CommandEntry[] = [
  {
    name: 'demo',
    summary: 'run the main job once, with figures, in a temporary folder',
    load: () => import('./commands/demo.ts'),
  },
  {
    name: 'transmitter',
    summary: 'serve channels (start), look after what is stored (fsck, gc, backup, restore, token)',
    load: () => import('./commands/transmitter.ts'),
  },
  {
    name: 'publish',
    summary: 'make a directory the newest release of a channel',
    load: () => import('./commands/publish.ts'),
  },
  {
    name: 'channels',
    summary: 'list the channels of a transmitter',
    load: () => import('./commands/channels.ts'),
  },
  {
    name: 'revert',
    summary: 'publish an earlier release again, as the newest',
    load: () => import('./commands/revert.ts'),
  },
  {
    name: 'delete',
    summary: 'end a channel with a signed final release',
    load: () => import('./commands/delete.ts'),
  },
  {
    name: 'subscribe',
    summary: 'follow a channel, and fetch it at once',
    load: () => import('./commands/subscribe.ts'),
  },
  {
    name: 'run',
    summary: 'make a folder an exact copy, as a subscription file says',
    load: () => import('./commands/run.ts'),
  },
  {
    name: 'update',
    summary: 'bring channels to their newest release',
    load: () => import('./commands/update.ts'),
  },
  {
    name: 'tuner',
    summary: 'keep subscribed channels current by their schedules (start)',
    load: () => import('./commands/tuner.ts'),
  },
  {
    name: 'list',
    summary: 'list subscriptions',
    load: () => import('./commands/list.ts'),
  },
  {
    name: 'status',
    summary: 'show how subscriptions stand',
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'log',
    summary: 'show what happened',
    load: () => import('./commands/log.ts'),
  },
  {
    name: 'why',
    summary: 'say in one line why a channel is at its release and what happens next',
    load: () => import('./commands/why.ts'),
  },
  {
    name: 'feedback',
    summary: 'tell a channel something, or export what its tuners told it',
    load: () => import('./commands/feedback.ts'),
  },
  {
    name: 'verify',
    summary: 'check every file against what was published',
    load: () => import('./commands/verify.ts'),
  },
  {
    name: 'undo',
    summary: 'go back to the release before',
    load: () => import('./commands/undo.ts'),
  },
  {
    name: 'pause',
    summary: 'stop scheduled updates of a channel',
    load: () => import('./commands/pause.ts'),
  },
  {
    name: 'resume',
    summary: 'let scheduled updates of a channel go on',
    load: () => import('./commands/resume.ts'),
  },
  {
    name: 'schedule',
    summary: 'show or set when a channel is updated',
    load: () => import('./commands/schedule.ts'),
  },
  {
    name: 'unsubscribe',
    summary: 'stop following a channel',
    load: () => import('./commands/unsubscribe.ts'),
  },
  {
    name: 'launch',
    summary: 'check a channel, then open its page or run its command',
    load: () => import('./commands/launch.ts'),
  },
  {
    name: 'trust',
    summary: 'let a channel run without a sandbox, or follow a replaced one',
    load: () => import('./commands/trust.ts'),
  },
  {
    name: 'distrust',
    summary: 'take that back',
    load: () => import('./commands/distrust.ts'),
  },
  {
    name: 'delta',
    summary: 'make and apply differences between two directories or files',
    load: () => import('./commands/delta.ts'),
  },
  {
    name: 'repeater',
    summary: 'mirror channels of a transmitter and serve them (start), or make its token (token)',
    load: () => import('./commands/repeater.ts'),
  },
  {
    name: 'proxy',
    summary: 'stand between tuners and transmitters, and fetch everything once (start)',
    load: () => import('./commands/proxy.ts'),
  },
  {
    name: 'gateway',
    summary: 'print what puts a transmitter below a path of a site (nginx, apache, caddy)',
    load: () => import('./commands/gateway.ts'),
  },
  {
    name: 'key',
    summary: 'look after publisher and recovery keys',
    load: () => import('./commands/key.ts'),
  },
  {
    name: 'user',
    summary: 'decide who may publish to this transmitter (token add, list, revoke)',
    load: () => import('./commands/user.ts'),
  },
  {
    name: 'doctor',
    summary: 'find what would make commands fail: clock, port, disk, proxies, permissions',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'completion',
    summary: 'print a completion script for a shell',
    load: () => import('./commands/completion.ts'),
  },
]
