import { AddressMap } from './address-map.ts'
import type { CoderInput } from './coder.ts'
import { GoFunctions } from './go-functions.ts'
import { JumpTables } from './jump-tables.ts'
import { mapPieces } from './map-pieces.ts'
import type { Side } from './side.ts'

/**
 * What a side, the copies and the old bytes tell whatever the modes are, looked up when it is
 * first needed. It does not change, so that the trials of a maker share it.
 */
export class Knowledge {
  readonly map: AddressMap
  private readonly side: Side
  private readonly input: CoderInput
  private foundTables: JumpTables | undefined
  private foundGo: GoFunctions | undefined

  constructor(side: Side, input: CoderInput) {
    this.side = side
    this.input = input
    this.map = new AddressMap(side.oldLayout, [...mapPieces(side, input.copies), ...side.extra])
  }

  get tables(): JumpTables {
    this.foundTables ??= new JumpTables(this.side.oldLayout.regions, this.input)
    return this.foundTables
  }

  get go(): GoFunctions {
    this.foundGo ??= new GoFunctions(this.side, this.input)
    return this.foundGo
  }
}
