/** Plain numbers that hot paths count in; the metrics read them when they are asked. */
export interface ServingCounters {
  pollsChanged: number
  pollsUnchanged: number
  objectsWhole: number
  objectsPart: number
  objectsUnchanged: number
  objectsFromMemory: number
  objectBytes: number
  /** Bodies that broke off: the client went away, or reading failed. */
  objectsBroken: number
  slowClientsCut: number
  malformedRequests: number
  problems: number
}

export function createCounters(): ServingCounters {
  return {
    pollsChanged: 0,
    pollsUnchanged: 0,
    objectsWhole: 0,
    objectsPart: 0,
    objectsUnchanged: 0,
    objectsFromMemory: 0,
    objectBytes: 0,
    objectsBroken: 0,
    slowClientsCut: 0,
    malformedRequests: 0,
    problems: 0,
  }
}
