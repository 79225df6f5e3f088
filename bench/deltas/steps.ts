import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Two directories or files to compare. */
export interface Step {
  readonly name: string
  /** Steps of one channel are averaged before channels are. */
  readonly channel: string
  readonly oldPath: string
  readonly newPath: string
}

/** Resolves `name@v1..v2` (npm) or `OLD NEW` pairs into steps; packages are kept in `cache`. */
export async function resolveSteps(words: readonly string[], cache: string): Promise<Step[]> {
  await mkdir(cache, { recursive: true })
  const steps: Step[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    const match = /^(@?[^@]+)@([^@]+?)\.\.([^@]+)$/.exec(word)
    if (match !== null && !existsSync(word)) {
      const [, name, from, to] = match as unknown as [string, string, string, string]
      const oldPath = await unpackedPackage(name, from, cache)
      const newPath = await unpackedPackage(name, to, cache)
      steps.push({ name: word, channel: name, oldPath, newPath })
    } else {
      const other = words[++i]
      if (other === undefined) throw new TypeError(`${word}: where is the other side?`)
      steps.push({ name: `${word} ${other}`, channel: word, oldPath: word, newPath: other })
    }
  }
  return steps
}

async function unpackedPackage(name: string, version: string, cache: string): Promise<string> {
  const flat = name.replace(/^@/, '').replace('/', '-')
  const folder = path.join(cache, 'unpacked', `${flat}-${version}`)
  if (existsSync(folder)) return folder
  const archive = path.join(cache, `${flat}-${version}.tgz`)
  if (!existsSync(archive)) {
    await run('npm', ['pack', '--silent', `${name}@${version}`], { cwd: cache })
  }
  const part = `${folder}.part`
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { recursive: true })
  await run('tar', ['xzf', archive, '-C', part, '--strip-components=1'])
  await rename(part, folder)
  return folder
}
