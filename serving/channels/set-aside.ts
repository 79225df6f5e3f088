import type { Digest } from '../../protocol/index.ts'
import type { ObjectStore } from '../../store/objects/index.ts'
import type { HttpServer } from '../http-server.ts'

/** Looks at the stored bytes again; damaged ones are put aside, so that sound ones can come. */
export function setAside(
  context: {
    readonly objects: Pick<ObjectStore, 'verify'>
    readonly server: Pick<HttpServer, 'logger'>
  },
  digest: Digest,
): void {
  const { objects, server } = context
  const { logger } = server
  objects.verify(digest).then(
    (state) => logger.error({ digest, state }, 'a stored object is not what its name says'),
    (error: unknown) => logger.error({ err: error, digest }, 'an object could not be verified'),
  )
}
