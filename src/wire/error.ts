/** The one error the codec throws: what came in, or was asked for, cannot be a DNS message. */

/** `short`: the packet ends too early. `bad-name`, `bad-rdata`: against their format. `limit`: legal, but more than we
 *  are willing to handle. `no-room`: the buffer is full. `bad-text`: presentation form nobody can read. */
export type WireErrorCode = 'short' | 'bad-name' | 'bad-rdata' | 'limit' | 'no-room' | 'bad-text'

/** Thrown inside the codec, caught once where a message enters. Carries no stack trace: anybody can send us damaged
 *  packets, and collecting a trace costs several times as much as parsing one. */
export class WireError extends Error {
  readonly code: WireErrorCode

  constructor(code: WireErrorCode, message: string) {
    const frames = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = frames
    this.name = 'WireError'
    this.code = code
  }
}
