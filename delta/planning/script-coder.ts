import type { Entry, FileEntry } from '../../protocol/index.ts'
import { parseEntryPath } from '../../protocol/index.ts'
import { AdaptiveBits } from '../entropy/adaptive-bits.ts'
import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { NumberModel } from '../entropy/number-model.ts'
import { TextModel } from '../entropy/text-model.ts'
import { deltaError } from '../errors.ts'
import type { ContentSource, DraftEntry, Edit, ObjectList } from './script.ts'

const steps = ['change', 'delete', 'insert', 'end'] as const
type Step = (typeof steps)[number]
const types = ['file', 'symlink', 'directory'] as const

export interface ScriptLimits {
  readonly entries: number
  readonly totalBytes: number
  readonly largestFileBytes: number
  readonly manifestBytes: number
}

/** Codes the script in either direction (docs/formats/bundle.md, "Entries"). */
export class ScriptCoder {
  private readonly oldEntries: readonly Entry[]
  private readonly oldObjects: ObjectList
  private readonly limits: ScriptLimits
  private readonly flags: AdaptiveBits
  private readonly numbers: NumberModel
  private readonly paths: TextModel
  private readonly mimes: string[]
  private readonly mimeOfExtension = new Map<string, string>()
  private builtObjects = 0
  private entries = 0
  private builtBytes = 0
  private insertedBytes = 0
  private lastStep = 3
  private lastPath = ''

  constructor(
    coder: BinaryCoder,
    old: { readonly entries: readonly Entry[]; readonly objects: ObjectList },
    limits: ScriptLimits,
  ) {
    this.flags = new AdaptiveBits(coder, 64, 60)
    this.numbers = new NumberModel(coder, 8)
    this.paths = new TextModel(coder)
    this.oldEntries = old.entries
    this.oldObjects = old.objects
    this.limits = limits
    const mimes = new Set<string>()
    for (const entry of old.entries) {
      if (entry.type !== 'file') continue
      mimes.add(entry.mime)
      this.mimeOfExtension.set(extensionOf(entry.path), entry.mime)
    }
    this.mimes = [...mimes]
  }

  /** Returns the script: the given one, or the one that it reads. */
  code(script: readonly Edit[]): readonly Edit[] {
    const edits: Edit[] = []
    let position = 0
    let given = 0
    for (;;) {
      let edit = script[given]
      const wantedRun = edit?.step === 'keep' ? edit.count : 0
      if (edit?.step === 'keep') edit = script[++given]
      const run = this.codeRun(wantedRun, position)
      if (run > 0) {
        edits.push({ step: 'keep', count: run })
        position += run
      }
      const step = this.codeStep((edit?.step ?? 'end') as Step, position)
      if (step === 'end') return edits
      given++
      const old = this.oldEntries[position]
      if (step === 'insert') {
        edits.push({
          step,
          entry: this.codeInsert(edit?.step === 'insert' ? edit.entry : undefined),
        })
      } else if (step === 'delete') {
        edits.push({ step })
        position++
      } else {
        edits.push(this.codeChange(edit?.step === 'change' ? edit : undefined, old))
        position++
      }
      if (step !== 'insert' && old !== undefined) this.lastPath = old.path
    }
  }

  private codeRun(wanted: number, position: number): number {
    const left = this.oldEntries.length - position
    if (left === 0) return 0
    // Zero says "to the end", so that the last run costs nothing to speak of.
    const value = wanted === left ? 0 : wanted + 1
    const coded = this.numbers.code(this.lastStep === 3 ? 0 : 1, value)
    const run = coded === 0 ? left : coded - 1
    if (run > left) throw deltaError('LW_DELTA_FORMAT', { detail: 'More entries kept than exist.' })
    this.countEntries(run)
    return run
  }

  private codeStep(wanted: Step, position: number): Step {
    const wantedIndex = steps.indexOf(wanted)
    let index: number
    if (position === this.oldEntries.length) {
      index = this.flag(48 + this.lastStep, wantedIndex === 3 ? 1 : 0) === 1 ? 3 : 2
    } else if (this.flag(this.lastStep, wantedIndex === 0 ? 0 : 1) === 0) {
      index = 0
    } else {
      index = 1 + this.flag(4 + this.lastStep, wantedIndex === 1 ? 0 : 1)
    }
    this.lastStep = index
    return steps[index] as Step
  }

  private codeInsert(wanted: DraftEntry | undefined): DraftEntry {
    this.countEntries(1)
    const text = this.paths.code(wanted?.path ?? '', this.limits.manifestBytes, this.lastPath)
    const path = parseEntryPath(text)
    this.lastPath = path
    this.insertedBytes += Buffer.byteLength(path)
    if (this.insertedBytes > this.limits.manifestBytes) {
      throw deltaError('LW_DELTA_LIMIT', { detail: 'More names than the manifest holds.' })
    }
    const wantedType = wanted === undefined ? 0 : types.indexOf(wanted.type)
    const plain = this.flag(8, wantedType === 0 ? 0 : 1) === 0
    const type = plain ? 'file' : this.flag(9, wantedType - 1) === 0 ? 'symlink' : 'directory'
    if (type === 'directory') return { type, path }
    if (type === 'symlink') {
      const target = wanted?.type === 'symlink' ? wanted.target : ''
      return { type, path, target: this.paths.code(target, 4096, path) }
    }
    const file = wanted?.type === 'file' ? wanted : undefined
    const mode = this.flag(10, file?.mode === '0755' ? 1 : 0) === 1 ? '0755' : '0644'
    const mime = this.codeMime(file?.mime ?? '', path)
    return { type, path, mode, mime, content: this.codeContent(file?.content, undefined) }
  }

  private codeChange(
    wanted: Extract<Edit, { step: 'change' }> | undefined,
    old: Entry | undefined,
  ): Edit {
    if (old?.type !== 'file') {
      throw deltaError('LW_DELTA_FORMAT', { detail: 'What is no file cannot change.' })
    }
    this.countEntries(1)
    const plain = wanted?.content?.from === 'built' && isPlain(wanted, old) ? 0 : 1
    if (this.flag(11, plain) === 0) {
      const content = this.codeContent(wanted?.content, old.size)
      return { step: 'change', content, mode: old.mode, mime: old.mime }
    }
    const changed = this.flag(12, wanted?.content === undefined ? 0 : 1) === 1
    const content = changed ? this.codeContent(wanted?.content, old.size) : undefined
    const modeChanged = this.flag(13, wanted?.mode === old.mode ? 0 : 1) === 1
    const mimeChanged = this.flag(14, wanted?.mime === old.mime ? 0 : 1) === 1
    const mode = modeChanged ? (old.mode === '0644' ? '0755' : '0644') : old.mode
    const mime = mimeChanged ? this.codeMime(wanted?.mime ?? '', old.path) : old.mime
    return { step: 'change', content, mode, mime }
  }

  private codeContent(
    wanted: ContentSource | undefined,
    oldSize: number | undefined,
  ): ContentSource {
    if (this.flag(16, wanted?.from === 'old' ? 1 : 0) === 1) {
      const object = this.numbers.code(2, wanted?.object ?? 0)
      if (object >= this.oldObjects.digests.length) {
        throw deltaError('LW_DELTA_FORMAT', { detail: 'An old object that does not exist.' })
      }
      return { from: 'old', object }
    }
    const again = wanted?.from === 'built' && wanted.object < this.builtObjects ? 1 : 0
    if (this.flag(17, again) === 1) {
      const object = this.numbers.code(3, wanted?.object ?? 0)
      if (object >= this.builtObjects) {
        throw deltaError('LW_DELTA_FORMAT', { detail: 'A built object that does not exist.' })
      }
      return { from: 'built', object, size: 0 }
    }
    const size = this.codeSize(wanted?.from === 'built' ? wanted.size : 0, oldSize)
    return { from: 'built', object: this.builtObjects++, size }
  }

  private codeSize(wanted: number, oldSize: number | undefined): number {
    const size =
      oldSize === undefined
        ? this.numbers.code(4, wanted)
        : oldSize + this.numbers.codeSigned(5, wanted - oldSize)
    this.builtBytes += size
    if (size < 0) throw deltaError('LW_DELTA_FORMAT', { detail: 'A size below zero.' })
    if (size > this.limits.largestFileBytes || this.builtBytes > this.limits.totalBytes) {
      throw deltaError('LW_DELTA_LIMIT', { detail: 'Files larger than the signed sizes.' })
    }
    return size
  }

  private codeMime(wanted: string, path: string): string {
    const extension = extensionOf(path)
    const likely = this.mimeOfExtension.get(extension)
    let mime = likely
    if (likely === undefined || this.flag(18, wanted === likely ? 0 : 1) === 1) {
      const known = this.mimes.indexOf(wanted)
      const number = this.numbers.code(6, known + 1)
      mime = number === 0 ? this.paths.code(wanted, 128) : this.mimes[number - 1]
      if (number === 0 && mime !== undefined) this.mimes.push(mime)
    }
    if (mime === undefined) throw deltaError('LW_DELTA_FORMAT', { detail: 'Unknown media type.' })
    this.mimeOfExtension.set(extension, mime)
    return mime
  }

  private flag(index: number, bit: number): number {
    return this.flags.code(index, bit)
  }

  private countEntries(count: number): void {
    this.entries += count
    if (this.entries > this.limits.entries) {
      throw deltaError('LW_DELTA_LIMIT', { detail: 'More entries than are signed.' })
    }
  }
}

function isPlain(change: { mode: FileEntry['mode']; mime: string }, old: FileEntry): boolean {
  return change.mode === old.mode && change.mime === old.mime
}

/** What follows the last dot of the last part; empty when there is none. */
export function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  return dot <= 0 ? '' : name.slice(dot + 1)
}
