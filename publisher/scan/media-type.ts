import mime from 'mime'

const known = new Map<string, string>()
const extensionsKeptMax = 10_000

/** The media type of a file by its name, without a charset, as a web server would send it. */
export function mediaTypeOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  // A leading dot makes a hidden file, not an extension.
  if (dot <= 0) return 'application/octet-stream'
  const extension = name.slice(dot + 1)
  let type = known.get(extension)
  if (type === undefined) {
    type = mime.getType(extension) ?? 'application/octet-stream'
    if (known.size < extensionsKeptMax) known.set(extension, type)
  }
  return type
}
