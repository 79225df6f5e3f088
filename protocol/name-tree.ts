import { limits } from './limits.ts'
import { collisionKey } from './paths.ts'

/** Two names that are one file on systems that fold case, normalisation or width. */
export interface Collision {
  readonly first: string
  readonly second: string
}

/** One name as it stands in the tree, with those below it. */
interface Node {
  /** The last part of the name. */
  readonly part: string
  /** A path that goes through here, and where in it this name ends. */
  readonly path: string
  readonly end: number
  isEntry: boolean
  /** By the part's collision key; undefined as long as nothing is below. */
  below: Map<string, Node> | undefined
}

/**
 * The names of a release part by part. Every part is folded and looked up by itself, so that the
 * cost is that of the characters, however deep the paths are.
 */
export class NameTree {
  readonly #root: Node = { part: '', path: '', end: 0, isEntry: false, below: undefined }
  readonly #collisions: Collision[] = []
  /** The folder of the last path, where the next one mostly lies too; with its slash. */
  #folder = ''
  #node: Node = this.#root

  /** Each pair once; a folder's pair stands for those below it. */
  get collisions(): readonly Collision[] {
    return this.#collisions
  }

  /** Adds an entry; its folders come along. */
  add(path: string): void {
    const slash = path.lastIndexOf('/') + 1
    if (slash !== this.#folder.length || !path.startsWith(this.#folder)) {
      this.#node = this.#walk(path, slash)
      this.#folder = path.slice(0, slash)
    }
    this.#child(this.#node, path, slash, path.length).isEntry = true
  }

  /** The entries that are folders of others, too: none can be both. */
  *entriesAsFolders(): Generator<string> {
    const waiting = [this.#root]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (node.below === undefined) continue
      if (node.isEntry) yield node.path.slice(0, node.end)
      for (const child of node.below.values()) waiting.push(child)
    }
  }

  #walk(path: string, slash: number): Node {
    let node = this.#root
    for (let at = 0; at < slash; ) {
      const end = path.indexOf('/', at)
      node = this.#child(node, path, at, end)
      at = end + 1
    }
    return node
  }

  #child(parent: Node, path: string, at: number, end: number): Node {
    const part = path.slice(at, end)
    parent.below ??= new Map()
    const key = collisionKey(part)
    const known = parent.below.get(key)
    if (known === undefined) {
      const node: Node = { part, path, end, isEntry: false, below: undefined }
      parent.below.set(key, node)
      return node
    }
    if (known.part === part) return known
    this.#collide(known, path.slice(0, end))
    // Kept under its own name as well: the pair is told once, and what lies below stays apart.
    const other = `\0${part}`
    const kept = parent.below.get(other) ?? { part, path, end, isEntry: false, below: undefined }
    parent.below.set(other, kept)
    return kept
  }

  #collide(known: Node, second: string): void {
    const first = known.path.slice(0, known.end)
    if (this.#collisions.length >= limits.collisionsListedMax) return
    if (this.#collisions.some((pair) => pair.first === first && pair.second === second)) return
    this.#collisions.push({ first, second })
  }
}

/** Names that differ but meet under `collisionKey`, folders included; each pair once. */
export function findCollisions(paths: Iterable<string>): readonly Collision[] {
  const tree = new NameTree()
  for (const path of paths) tree.add(path)
  return tree.collisions
}
