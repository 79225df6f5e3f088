/** What a running channel is told of. */
export type ChannelEvent =
  /** A release lies ready; it is switched to when the channel installs it, or when it quits. */
  | { readonly type: 'update'; readonly release: number; readonly from: number }
  /** The channel's files are those of this release now. */
  | { readonly type: 'installed'; readonly release: number; readonly from: number }
  /** The plug-in replied. */
  | { readonly type: 'reply' }

/** A running channel. */
export interface LiveUser {
  readonly subscription: string
  /** The release that it was started with. */
  readonly release: number
  tell(event: ChannelEvent): void
}

/**
 * The channels that run now. Their releases are kept, and a newer one is switched to only when they
 * say so or when the last of them has quit.
 */
export class LiveUsers {
  readonly #users = new Map<string, Set<LiveUser>>()

  add(user: LiveUser): void {
    const users = this.#users.get(user.subscription)
    if (users === undefined) this.#users.set(user.subscription, new Set([user]))
    else users.add(user)
  }

  /** @returns whether it was the last one of its subscription */
  remove(user: LiveUser): boolean {
    const users = this.#users.get(user.subscription)
    users?.delete(user)
    if (users === undefined || users.size > 0) return false
    return this.#users.delete(user.subscription)
  }

  isLive(subscription: string): boolean {
    return this.#users.has(subscription)
  }

  /** Releases that running channels were started with. */
  releases(subscription: string): ReadonlySet<number> {
    return new Set([...(this.#users.get(subscription) ?? [])].map((user) => user.release))
  }

  tell(subscription: string, event: ChannelEvent): void {
    for (const user of this.#users.get(subscription) ?? []) user.tell(event)
  }
}
