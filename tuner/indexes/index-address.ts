import {
  type ChannelAddress,
  type ChannelName,
  digestOf,
  formatError,
  isChannelName,
} from '../../protocol/index.ts'

/**
 * The address of a bare DRP index, `http(s)://host/path/index.xml`. Nobody signs it: its id is made
 * of its URL, and its name of the folder or file that it is.
 * @throws LW_FORMAT_CHANNEL_URL
 */
export function parseIndexAddress(text: string): ChannelAddress {
  let url: URL
  try {
    url = new URL(text)
  } catch (cause) {
    throw formatError('LW_FORMAT_CHANNEL_URL', { detail: JSON.stringify(text), cause })
  }
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw formatError('LW_FORMAT_CHANNEL_URL', {
      detail: `${JSON.stringify(text)} is neither http nor https, or carries credentials.`,
    })
  }
  url.hash = ''
  return {
    base: new URL('.', url).href,
    name: nameOf(url),
    url: url.href,
    channelId: digestOf(`longwave-index-1\n${url.href}`),
    rootVersion: undefined,
  }
}

/** `http://host/a/app/index.xml` is `app`, `http://host/tools.xml` is `tools`. */
function nameOf(url: URL): ChannelName {
  const parts = url.pathname.split('/').filter((part) => part !== '')
  const file = (parts.pop() ?? '').replace(/\.[a-z0-9]+$/i, '')
  for (const part of [file === 'index' ? '' : file, parts.pop() ?? '', url.hostname, 'index']) {
    const name = part
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[^a-z0-9]+/, '')
      .slice(0, 64)
    if (isChannelName(name)) return name
  }
  return 'index' as ChannelName
}
