-- A home, as its kresd.conf may look.
net.listen('192.0.2.53', 53, { kind = 'dns' })
net.listen({'::1', net.lo}, 5353)
net.listen('192.0.2.53', 853, { kind = 'tls' })

modules = {
  'hints > iterate', -- hosts of our own
  'stats',
  'serve_stale < cache',
  predict = { window = 15, period = 24 },
  dns64 = '2001:db8:64::',
  'imagined',
}
modules.unload('ta_sentinel')

cache.size = 100 * MB
cache.max_ttl(12 * 3600)

local inside = policy.todnames({'corp.example.org', '10.in-addr.arpa'})
policy.add(policy.suffix(policy.STUB({'10.0.0.1', '10.0.0.2@5353'}), inside))
policy.add(policy.suffix(policy.DENY_MSG('not here'), {todname('ads.example.net.')}))
policy.add(policy.domains(policy.REFUSE, {'\7example\3net\0'}))
policy.add(policy.all(policy.TLS_FORWARD({
  { '192.0.2.1', hostname = 'dns.example.net' },
  { '2001:db8::1', hostname = 'dns.example.net' },
})))
policy.add(policy.rpz(policy.DENY, 'block.rpz'))
view:addr('198.51.100.0/24', policy.all(policy.REFUSE))

trust_anchors.add_file('root.keys')
trust_anchors.set_insecure({ 'broken.example.org' })
hints['printer.example.org'] = '192.0.2.9'
hints.set('printer.example.org 2001:db8::9')
user('knot-resolver', 'knot-resolver')
log_level 'info'

if hostname() == 'spare' then
  cache.size = 5 * MB
end
event.after(5 * sec, function ()
  print('up')
end)
unheard.of(1)
