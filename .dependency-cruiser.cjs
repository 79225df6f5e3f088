/**
 * The layer rule (docs/architecture.md): import downward or inside your own folder, reach another
 * folder by its door. Each line carries its reason.
 */
const layers = [
  ['protocol'],
  ['store', 'transport'],
  ['delta', 'trust'],
  ['mirroring', 'serving', 'web'],
  ['publisher', 'transmitter', 'repeater', 'proxy', 'gateway', 'tuner', 'community'],
  ['sdk', 'admin'],
  ['cli'],
]
const folders = layers.flat()
// Folders with several doors: DESIGN names them because their parts serve different layers.
const several = ['store', 'serving', 'delta', 'trust', 'protocol']

const doorsOf = (folder) =>
  several.includes(folder)
    ? [`^${folder}/index\\.ts$`, `^${folder}/[^/]+/index\\.ts$`]
    : [`^${folder}/index\\.ts$`]

const upward = layers.flatMap((layer, level) =>
  layer.map((folder) => ({
    name: `${folder}-imports-downward`,
    comment: `${folder} may know only what lies below it, so that lower layers stay usable alone.`,
    severity: 'error',
    from: { path: `^${folder}/` },
    to: {
      path: `^(${layers
        .slice(level)
        .flat()
        .filter((other) => other !== folder)
        .join('|')})/`,
    },
  })),
)

const throughDoors = folders.map((folder) => ({
  name: `${folder}-by-its-door`,
  comment: `Other folders use what ${folder}'s index.ts promises, so that its inside can change.`,
  severity: 'error',
  from: { pathNot: `^(${folder}|test|bench|dist)/` },
  to: { path: `^${folder}/`, pathNot: doorsOf(folder) },
}))

module.exports = {
  forbidden: [
    ...upward,
    ...throughDoors,
    {
      name: 'no-cycles',
      comment: 'A cycle means that two files are one idea, or that one knows too much.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'protocol-is-pure',
      comment: 'protocol has no I/O: the same bytes mean the same on every machine.',
      severity: 'error',
      from: { path: '^protocol/' },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:fs|fs|net|http|https|child_process|worker_threads)',
      },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    includeOnly:
      '^(protocol|store|transport|delta|trust|mirroring|serving|web|publisher|transmitter|repeater|proxy|gateway|tuner|community|sdk|admin|cli)/',
    exclude: '^(dist|\\.build)/',
  },
}
