/** pako's deflate below its streams, whose state can be used again. */
declare module 'pako/lib/zlib/deflate.js' {
  interface DeflateStream {
    input: Uint8Array
    next_in: number
    avail_in: number
    output: Uint8Array
    next_out: number
    avail_out: number
  }
  const deflate: {
    deflateInit2(
      stream: DeflateStream,
      level: number,
      method: number,
      windowBits: number,
      memLevel: number,
      strategy: number,
    ): number
    deflateReset(stream: DeflateStream): number
    deflate(stream: DeflateStream, flush: number): number
  }
  export default deflate
}

declare module 'pako/lib/zlib/zstream.js' {
  import type { DeflateStream } from 'pako/lib/zlib/deflate.js'
  const ZStream: new () => DeflateStream
  export default ZStream
}
