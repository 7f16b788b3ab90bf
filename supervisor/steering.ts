/** Which of the sockets that share an address gets a new connection? By itself the kernel takes all of them; a program
 *  attached to the group (classic BPF, no privilege needed) leaves out those that are to rest. It spreads by the client's
 *  port, as the kernel does, so that a connection's packets always mean the same socket. */

import { check, libc, NativeMemory, SO_ATTACH_REUSEPORT_CBPF, SOL_SOCKET } from './libc.ts'

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, constant: number]

// linux/bpf_common.h
const LD_HALF_ABSOLUTE = 0x28
const MULTIPLY = 0x24
const AND = 0x54
const SHIFT_RIGHT = 0x74
const MODULO = 0x94
const JUMP_EQUAL = 0x15
const RETURN = 0x06
/** The network header, which lies before what such a program is shown (linux/filter.h, SKF_NET_OFF). */
const NETWORK_HEADER = -0x10_0000
/** Where the client's port is: right after a header without options. With options it is some other half-word, which
 *  spreads as well. */
const PORT_AT = { 4: 20, 6: 40 }
/** Knuth's multiplicative hash: consecutive ports come apart. */
const GOLDEN = 0x9e37_79b1

/** The program that chooses among `places`, positions in the group in the order its sockets began to listen. */
export function steeringProgram(family: 4 | 6, places: readonly number[]): Instruction[] {
  return [
    [LD_HALF_ABSOLUTE, 0, 0, NETWORK_HEADER + PORT_AT[family]],
    [MULTIPLY, 0, 0, GOLDEN],
    [SHIFT_RIGHT, 0, 0, 16],
    [AND, 0, 0, 0xffff],
    [MODULO, 0, 0, places.length],
    ...places.flatMap((place, index): Instruction[] => [
      [JUMP_EQUAL, 0, 1, index],
      [RETURN, 0, 0, place],
    ]),
    [RETURN, 0, 0, 0xffff_ffff], // no such place: the kernel chooses by itself
  ]
}

/** Attaches it to the whole group of which `fd` is one. Throws the system's error when it will not have it. */
export function attachSteering(fd: number, program: readonly Instruction[]): void {
  const code = new NativeMemory(8 * program.length)
  const view = new DataView(code.octets.buffer)
  for (const [index, [op, jumpTrue, jumpFalse, constant]] of program.entries()) {
    view.setUint16(8 * index, op, true)
    view.setUint8(8 * index + 2, jumpTrue)
    view.setUint8(8 * index + 3, jumpFalse)
    view.setUint32(8 * index + 4, constant >>> 0, true)
  }
  const header = Buffer.alloc(16) // struct sock_fprog: length u16, padding, address u64
  header.writeUInt16LE(program.length, 0)
  header.writeBigUInt64LE(code.address, 8)
  try {
    check(libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, header, header.length), 'setsockopt')
  } finally {
    code.free()
  }
}
