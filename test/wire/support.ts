/** What tests of the codec share: octets as hex, and the code of a WireError. */

import { WireError, type WireErrorCode } from '../../src/wire/error.ts'

/** Octets of hex digits, blanks ignored. */
export function octetsOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
}

export function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex')
}

/** The code of the WireError that `action` throws; undefined when it throws none. Other errors pass through. */
export function wireError(action: () => unknown): WireErrorCode | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (error instanceof WireError) return error.code
    throw error
  }
}
