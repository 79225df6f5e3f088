import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import { type ChannelName, type Digest, digestOf } from '../../protocol/index.ts'
import type { Version } from '../../serving/representations/index.ts'
import type { ReleaseRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { olderReleases } from './file-versions.ts'
import type { IndexDocument, IndexDocuments, IndexIds } from './index-documents.ts'
import type { VersionedResource } from './resource-bodies.ts'

const compress = promisify(brotliCompress)
const mime = 'application/xml'

/** The index of a channel's head, with those of earlier releases as bases of differences. */
export async function indexResource(
  context: TransmitterContext,
  documents: IndexDocuments,
  wanted: { readonly name: ChannelName; readonly head: ReleaseRecord; readonly ids: IndexIds },
): Promise<VersionedResource> {
  const { name, head, ids } = wanted
  const current = await documents.of(head, ids)
  const known = new Map<Digest, IndexDocument>([[current.sha256, current]])
  const packed = await packedOf(current)
  const bytesOf = (sha256: Digest): Uint8Array => {
    const bytes = known.get(sha256)?.bytes
    if (bytes === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
    return bytes
  }
  return {
    current: {
      ...versionOf(current),
      coded: { br: { sha256: digestOf(packed), bytes: packed.byteLength } },
    },
    async older() {
      for (const release of await olderReleases(context, name, head)) {
        const document = await documents.of(release, ids)
        known.set(document.sha256, document)
      }
      return [...known.values()]
        .filter((document) => document.sha256 !== current.sha256)
        .map(versionOf)
    },
    async open(sha256, coding) {
      const bytes = coding === undefined ? bytesOf(sha256) : packed
      return { size: bytes.byteLength, source: { kind: 'bytes', bytes } }
    },
    async md5({ sha256 }) {
      return createHash('md5').update(bytesOf(sha256)).digest('hex')
    },
    async load({ sha256 }) {
      const bytes = bytesOf(sha256)
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength))
      shared.set(bytes)
      return shared
    },
  }
}

function versionOf({ sha256, bytes }: IndexDocument): Version {
  return { sha256, size: bytes.byteLength, mime }
}

const packedForms = new WeakMap<IndexDocument, Promise<Uint8Array>>()

/** Compressed once for each document. */
function packedOf(document: IndexDocument): Promise<Uint8Array> {
  let packed = packedForms.get(document)
  if (packed === undefined) {
    const { bytes } = document
    packed = compress(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 5,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
      },
    })
    packedForms.set(document, packed)
  }
  return packed
}
