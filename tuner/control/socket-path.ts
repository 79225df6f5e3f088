import { type LocalSocket, openLocalSocket } from '../../store/local-sockets/index.ts'

export type SocketPath = LocalSocket

/** `HOME/tuner/control.sock`. */
export function openSocketPath(directory: string): Promise<SocketPath> {
  return openLocalSocket(directory, 'control.sock')
}
