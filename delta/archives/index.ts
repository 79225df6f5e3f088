/**
 * Looking inside archives (zip and its kin, gzip and tgz), so that their unpacked content is
 * differenced and the original is rebuilt bit for bit. docs/formats/archives.md is the format.
 *
 * - `unpackArchive(bytes, limits, old)` is the maker's side of a new file: its view, which takes the file's
 *   place in differencing, and a recipe (usually five bytes), or undefined.
 * - `unpackForBase(reader, sink)` writes the view of an old file, on both sides alike. It depends
 *   on the bytes and the limit only, never on a recipe. Streams that inflate are unpacked, also
 *   those which no recipe could re-create: where `opaqueStreams` of the new file is not 0, the old
 *   file as it is should stay a base beside its view, so that unchanged packed streams are found.
 * - `createRebuilder(recipe, limits, emit)` takes the new file's view in order and emits the file.
 *
 * An undefined of `unpackForBase` may come after output, which is then to be thrown away. Pieces
 * that a sink or `emit` gets are valid during the call only. Everything is synchronous and
 * deterministic on every machine: content is inflated by the runtime's zlib, and by pako where that
 * refuses, deflated by pako 2.1.0 or our own matcher over its trees, never by the runtime's zlib.
 */
export { ByteRoom } from './byte-room.ts'
export { type ByteSource, memorySource } from './byte-source.ts'
export { archiveError } from './errors.ts'
export { OldEntries } from './kept-entries.ts'
export { archiveLimits, type UnpackLimits } from './limits.ts'
export { createRebuilder, type Rebuilder, type RebuildLimits } from './rebuilder.ts'
export { type UnpackedArchive, unpackArchive } from './unpack-archive.ts'
export { unpackForBase } from './unpack-for-base.ts'
