/** Which of the TCP sockets that share an address gets a new connection? By itself the kernel takes all of them; a program
 *  attached to the group leaves out those that are to rest. It spreads by the client's port, as the kernel does, so that a
 *  connection's packets always mean the same socket. */

import { hashed, type Instruction, JUMP_EQUAL, LD_HALF_ABSOLUTE, MODULO, RETURN } from '../src/io/reuseport.ts'

/** The network header, which lies before what such a program is shown (linux/filter.h, SKF_NET_OFF). */
const NETWORK_HEADER = -0x10_0000
/** Where the client's port is: right after a header without options. With options it is some other half-word, which
 *  spreads as well. */
const PORT_AT = { 4: 20, 6: 40 }

/** The program that chooses among `places`, positions in the group in the order its sockets began to listen. */
export function steeringProgram(family: 4 | 6, places: readonly number[]): Instruction[] {
  return [
    [LD_HALF_ABSOLUTE, 0, 0, NETWORK_HEADER + PORT_AT[family]],
    ...hashed(),
    [MODULO, 0, 0, places.length],
    ...places.flatMap((place, index): Instruction[] => [
      [JUMP_EQUAL, 0, 1, index],
      [RETURN, 0, 0, place],
    ]),
    [RETURN, 0, 0, 0xffff_ffff], // no such place: the kernel chooses by itself
  ]
}
