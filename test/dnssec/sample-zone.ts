/** One small zone with all that makes DNSSEC hard: wildcards of every kind, empty non-terminals, delegations signed and
 *  unsigned, DNAME, mixed case, and every type with names in its RDATA (RFC 4034 §6.2). */

export const ORIGIN = 'example.org.'

/** Types that Knot DNS does not read. */
const OUTDATED = `
px PX 10 MAP822.Example.ORG. MAPX400.Example.ORG.
mb MB Mail
mg MG Mail
mr MR Mail
`

const RECORDS = `
@ SOA Ns1.Example.ORG. HostMaster.Example.ORG. 2024010101 7200 900 1209600 300
@ NS Ns1
@ NS ns2.Example.NET.
@ MX 10 Mail
@ MX 5 mail2.Example.NET.
@ TXT "b" "a"
@ TXT "a"
Ns1 A 192.0.2.1
Mail A 192.0.2.2
Mail AAAA 2001:DB8::2
WWW 60 A 192.0.2.80
WWW 60 A 192.0.2.8
WWW 60 A 192.0.2.81
alias CNAME WWW
Host.Deep.EMPTY A 192.0.2.3
*.Wild A 192.0.2.4
*.Wild TXT "wild"
exists.Wild A 192.0.2.5
child.of.exists2.Wild A 192.0.2.6
*.alias CNAME Www
a.b.*.starred A 192.0.2.7
*.only TXT "x"
secure NS Ns.secure
secure DS 12345 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
Ns.secure A 192.0.2.9
insecure NS Ns.insecure
Ns.insecure A 192.0.2.10
lonely.Under.ent2 NS ns.Example.NET.
dname DNAME Other.Example.NET.
dname TXT "beside"
_sip._tcp SRV 1 2 5060 Mail
naptr NAPTR 100 10 "u" "sip+E2U" "!^.*$!sip:info@example.org!" Replace.Example.ORG.
rp RP Admin.Example.ORG. Text.Example.ORG.
afsdb AFSDB 1 AFS.Example.ORG.
rt RT 10 Relay.Example.ORG.
kx KX 10 KX.Example.ORG.
minfo MINFO R.Example.ORG. E.Example.ORG.
ptr PTR WWW
hinfo HINFO "PDP-11" "Unix"
caa CAA 0 issue "CA.example.net"
sshfp SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
unknown TYPE65280 \\# 4 41424344
svcb SVCB 1 Svc.Example.ORG. alpn=h2 port=8443
https HTTPS 0 WWW
lp LP 10 L64.Example.ORG.
sp\\.ec\\ ial\\001 TXT "odd"
`

export function sampleZone({ outdated }: { outdated: boolean }): string {
  return `$ORIGIN Example.ORG.\n$TTL 3600\n${RECORDS}${outdated ? OUTDATED : ''}`
}

/** The least a zone can be: its one NSEC points to itself. */
export const SINGLE_NAME_ZONE = `
$ORIGIN single.example.
$TTL 3600
@ SOA ns.example.net. hostmaster.example.net. 1 7200 900 1209600 300
@ NS ns.example.net.
`

/** A root of one's own. */
export const ROOT_ZONE = `
$ORIGIN .
$TTL 3600
@ SOA a.root.test. hostmaster.root.test. 1 7200 900 1209600 300
@ NS a.root.test.
root.test. NS a.root.test.
a.root.test. A 192.0.2.1
org. NS ns.org.
org. DS 12345 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
ns.org. A 192.0.2.2
b.a.arpa. PTR a.root.test.
`
