/** Programs that choose among the sockets of one address (SO_REUSEPORT, socket(7)): classic BPF, no privilege needed. A program
 *  is attached to the whole group by way of any of its sockets. It is shown a packet and says which socket gets it, by its
 *  place in the order they were bound; where it names none, the kernel chooses by a hash of both ends' addresses and ports. */

import { check, KernelMemory, type Libc, SOL_SOCKET } from './libc.ts'

export type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, constant: number]

// linux/bpf_common.h
export const LD_HALF_ABSOLUTE = 0x28
export const MULTIPLY = 0x24
export const AND = 0x54
export const SHIFT_RIGHT = 0x74
export const MODULO = 0x94
export const JUMP_EQUAL = 0x15
export const RETURN = 0x06
export const RETURN_ACCUMULATOR = 0x16
/** Knuth's multiplicative hash: numbers that follow each other come apart. */
export const GOLDEN = 0x9e37_79b1

const SO_ATTACH_REUSEPORT_CBPF = 51
const SO_DETACH_REUSEPORT_BPF = 68

/** One of `sockets`, by the id of the DNS message: over UDP, a program is shown what comes after the UDP header. */
export function byQueryId(sockets: number): Instruction[] {
  return [[LD_HALF_ABSOLUTE, 0, 0, 0], ...hashed(), [MODULO, 0, 0, sockets], [RETURN_ACCUMULATOR, 0, 0, 0]]
}

/** Makes 16 mixed bits of what has been loaded. */
export function hashed(): Instruction[] {
  return [
    [MULTIPLY, 0, 0, GOLDEN],
    [SHIFT_RIGHT, 0, 0, 16],
    [AND, 0, 0, 0xffff],
  ]
}

/** Throws the system's error when the kernel will not have it. */
export function attachProgram(libc: Libc, fd: number, program: readonly Instruction[]): void {
  const code = new KernelMemory(libc, 8 * program.length)
  for (const [index, [op, jumpTrue, jumpFalse, constant]] of program.entries()) {
    code.view.setUint16(8 * index, op, true)
    code.view.setUint8(8 * index + 2, jumpTrue)
    code.view.setUint8(8 * index + 3, jumpFalse)
    code.view.setUint32(8 * index + 4, constant >>> 0, true)
  }
  const header = new KernelMemory(libc, 16) // struct sock_fprog: length u16, padding, address u64
  header.view.setUint16(0, program.length, true)
  header.point(8, code, 0)
  check(libc, 'setsockopt', libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, header.address, 16))
}

/** The kernel chooses by itself again. Does nothing where there is no program. */
export function detachProgram(libc: Libc, fd: number): void {
  libc.setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, Int32Array.of(0), Int32Array.BYTES_PER_ELEMENT)
}
