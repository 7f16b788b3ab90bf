/** Where the copy of a zone comes from: a file, a web server, or a name server that hands it out (RFC 5936). */

import { readFile, stat } from 'node:fs/promises'
import { get } from 'node:https'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { ServerAddress } from '../src/io/address.ts'
import { FrameReader, frameMessage } from '../src/io/frames.ts'
import type { SourceAddresses } from '../src/io/source-addresses.ts'
import type { Name } from '../src/wire/name.ts'
import { parseZoneText, type ZoneRecord } from '../src/wire/text.ts'
import { composeTransferQuery, TransferReader } from '../src/wire/transfer.ts'

export interface ZoneSource {
  origin: Name
  /** A path, `file:`, `https:`, or `axfr:` and an address. */
  url: string
  /** Certificates that a web server's is to be signed by, in PEM form; without them the usual ones. */
  ca?: string
  /** Octets taken at most. */
  maxOctets: number
  /** Without a sign of life for so long, it is given up. */
  idleMs: number
  /** Of the request for a transfer. */
  id: number
  /** Addresses of our own to ask for a transfer from; by itself, the kernel chooses. */
  sources?: SourceAddresses
}

export interface FetchedZone {
  records: ZoneRecord[]
  /** Nobody on the way can have changed it. */
  isAuthentic: boolean
}

/** Redirections followed. */
const MAX_REDIRECTS = 3

/** Rejects with the reason. */
export async function fetchZone(source: ZoneSource): Promise<FetchedZone> {
  const { url, origin } = source
  if (url.startsWith('axfr:')) return { records: await transfer(source), isAuthentic: false }
  const text = url.startsWith('https:') ? await download(source, url, MAX_REDIRECTS) : await readZoneFile(source)
  return { records: parseZoneText(text, origin), isAuthentic: true }
}

/** The server of an `axfr:` URL; undefined when it names none. */
export function transferServer(url: string): ServerAddress | undefined {
  return ServerAddress.fromText(url.replace(/^axfr:(\/\/)?/, ''))
}

async function readZoneFile({ url, maxOctets }: ZoneSource): Promise<string> {
  const path = url.startsWith('file:') ? fileURLToPath(url) : url
  const { size } = await stat(path)
  if (size > maxOctets) throw tooLarge(maxOctets)
  return readFile(path, 'latin1')
}

function download(source: ZoneSource, url: string, redirects: number): Promise<string> {
  const { ca, maxOctets, idleMs } = source
  return new Promise((resolve, reject) => {
    const request = get(url, { ca, timeout: idleMs, agent: false }, (response) => {
      const { statusCode = 0, headers } = response
      response.on('error', reject)
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        response.resume()
        const next = new URL(headers.location, url)
        if (redirects === 0) reject(new Error('it is redirected too often'))
        else if (next.protocol !== 'https:') reject(new Error(`it is redirected to ${next.protocol}, not https:`))
        else resolve(download(source, next.href, redirects - 1))
        return
      }
      if (statusCode !== 200) {
        response.resume()
        reject(new Error(`the server says ${statusCode} ${response.statusMessage ?? ''}`.trimEnd()))
        return
      }
      const chunks: Buffer[] = []
      let octets = 0
      response.on('data', (chunk: Buffer) => {
        octets += chunk.length
        chunks.push(chunk)
        if (octets <= maxOctets) return
        reject(tooLarge(maxOctets))
        request.destroy()
      })
      response.on('end', () => {
        if (response.complete) resolve(Buffer.concat(chunks).toString('latin1'))
        else reject(new Error('the connection ended before the file did'))
      })
    })
    request.on('timeout', () => request.destroy(silent(idleMs)))
    request.on('error', reject)
  })
}

function transfer({ origin, url, maxOctets, idleMs, id, sources }: ZoneSource): Promise<ZoneRecord[]> {
  const server = transferServer(url)
  if (server === undefined) return Promise.reject(new Error(`${url} names no address`))
  return new Promise((resolve, reject) => {
    const frames = new FrameReader()
    const reader = new TransferReader(origin, id)
    const { port, hostText: host, family } = server
    const socket = connect({ port, host, localAddress: sources?.pick(family) })
    let octets = 0
    const fail = (error: Error) => {
      socket.destroy()
      reject(error)
    }
    socket.setTimeout(idleMs, () => fail(silent(idleMs)))
    socket.on('connect', () => socket.write(frameMessage(composeTransferQuery(origin, id))))
    socket.on('error', fail)
    socket.on('close', () => reject(new Error('the connection ended before the zone did')))
    socket.on('data', (chunk) => {
      octets += chunk.length
      if (octets > maxOctets) return fail(tooLarge(maxOctets))
      try {
        const isSound = frames.read(chunk, (message) => {
          if (reader.take(message) === 'more') return true
          resolve(reader.records)
          socket.destroy()
          return false
        })
        if (!isSound) fail(new Error('the server does not speak DNS'))
      } catch (error) {
        fail(error as Error)
      }
    })
  })
}

function tooLarge(maxOctets: number): Error {
  return new Error(`it is larger than ${maxOctets} octets; raise cache/size-max if it is to be taken in`)
}

function silent(idleMs: number): Error {
  return new Error(`the server was silent for ${idleMs / 1000} s`)
}
