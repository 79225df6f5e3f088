/** One part of a multipart/form-data body. */
export interface UploadPart {
  readonly name: string
  /** Bytes of the content; undefined when they are known only while it is sent. */
  readonly bytes: number | undefined
  /** Makes the content, once per attempt to send. */
  content(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export interface MultipartBody {
  readonly contentType: string
  /** Bytes of the whole body when those of all parts are known. */
  readonly contentBytes: number | undefined
  body(): AsyncGenerator<Uint8Array, void, undefined>
}

const coalesceBytes = 64 * 1024

/**
 * A multipart/form-data body (RFC 7578) that is made while it is sent, so that it never lies in
 * memory as a whole. The boundary must be unguessable: then no content can hold it.
 */
export function multipartBody(parts: readonly UploadPart[], boundary: string): MultipartBody {
  const heads = parts.map((part) => headOf(part.name, boundary))
  const tail = Buffer.from(`--${boundary}--\r\n`)
  let contentBytes: number | undefined = tail.byteLength
  for (const [index, part] of parts.entries()) {
    contentBytes =
      contentBytes === undefined || part.bytes === undefined
        ? undefined
        : contentBytes + (heads[index]?.byteLength ?? 0) + part.bytes + 2
  }
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    contentBytes,
    body: () => coalesce(write(parts, heads, tail)),
  }
}

/** Bytes that a part adds to a body besides its content. */
export function partOverhead(name: string): number {
  return headOf(name, '0'.repeat(40)).byteLength + 2
}

function headOf(name: string, boundary: string): Buffer {
  return Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="part"\r\n` +
      'Content-Type: application/octet-stream\r\n\r\n',
  )
}

async function* write(
  parts: readonly UploadPart[],
  heads: readonly Buffer[],
  tail: Buffer,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const [index, part] of parts.entries()) {
    yield heads[index] ?? Buffer.alloc(0)
    yield* part.content()
    yield Buffer.from('\r\n')
  }
  yield tail
}

/** Many small pieces become few larger ones: each costs a system call or more on its way. */
async function* coalesce(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array[] = []
  let heldBytes = 0
  for await (const piece of pieces) {
    held.push(piece)
    heldBytes += piece.byteLength
    if (heldBytes < coalesceBytes) continue
    yield held.length === 1 ? piece : Buffer.concat(held, heldBytes)
    held = []
    heldBytes = 0
  }
  if (heldBytes > 0) yield Buffer.concat(held, heldBytes)
}
