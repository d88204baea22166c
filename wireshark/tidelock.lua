-- Wireshark's dissector of Tidelock/1 (docs/protocol.md) on TCP and UDP, port 8433 or wherever a HELLO is seen.
-- It shows what is clear: it has no keys. `tidelock decode` opens frames with them. docs/decode.md says how to install it.

local tidelock = Proto("tidelock", "Tidelock/1")

-- The numbers of assembly/abi.ts; a test compares them.
local TYPES = {
  [1] = "HELLO", [2] = "CHALLENGE", [3] = "PROOF", [4] = "READY", [8] = "DATA", [9] = "ACK", [10] = "PING", [11] = "PONG",
  [12] = "ROUTE", [13] = "DELIVER", [14] = "STATE", [15] = "OPEN", [16] = "STREAM", [17] = "CREDIT", [18] = "SHUT",
  [19] = "FRAGMENT", [20] = "CLOSE", [21] = "SKIP", [24] = "DISCOVER", [25] = "OFFER",
}
local SUITES = { [1] = "sealed", [2] = "signed", [4] = "signed-8" }
local STATUSES = {
  [0] = "ok", [1] = "refused", [2] = "too long", [3] = "no such target", [128] = "stale", [129] = "busy", [130] = "unknown outbox",
}
local REASONS = {
  [1] = "normal", [2] = "going away", [3] = "taken over", [4] = "idle", [5] = "expired", [6] = "disabled", [7] = "busy",
  [8] = "outbox", [9] = "clock", [10] = "protocol",
}

local HELLO, CHALLENGE, PROOF, READY, DATA, ACK, PING, PONG, ROUTE, DELIVER, CLOSE, SKIP, DISCOVER, OFFER = 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 20, 21, 24, 25
local PORT, H_FIXED, C_BYTES, PROOF_BYTES, DATAGRAM_HEAD = 8433, 27, 32, 16, 10
local DISCOVERY_PORT, DISCOVERY_BYTES, DISCOVERY_LINKS = 8434, 128, 8
local LINKS = { [0] = "TCP", [1] = "UDP", [2] = "TLS" }
local TRUSTS = { [0] = "none", [1] = "tls", [2] = "proved" }
local KIND_TOPIC = 7
local NEVER_WANTED = { [READY] = true, [ACK] = true, [PING] = true, [PONG] = true, [CLOSE] = true }

local f = {
  native = ProtoField.bool("tidelock.native", "Native", 8, nil, 0x80),
  again = ProtoField.bool("tidelock.repeat", "May have been acted on before", 8, nil, 0x40),
  wanted = ProtoField.bool("tidelock.wanted", "ACK wanted", 8, nil, 0x20),
  type = ProtoField.uint8("tidelock.type", "Type", base.DEC, TYPES, 0x1f),
  length = ProtoField.uint16("tidelock.length", "Length of the body"),
  session = ProtoField.uint32("tidelock.session", "Session", base.HEX),
  seq = ProtoField.uint16("tidelock.seq", "Counter, lower 16 bits"),
  time = ProtoField.uint24("tidelock.time", "Session time, lower 24 bits (ms)"),
  body = ProtoField.bytes("tidelock.body", "Body"),
  sealed = ProtoField.bytes("tidelock.sealed", "Sealed body"),
  tag = ProtoField.bytes("tidelock.tag", "Tag"),
  suite = ProtoField.uint8("tidelock.suite", "Suite of the session", base.HEX, SUITES),
  id = ProtoField.uint32("tidelock.id", "Message id"),
  age = ProtoField.uint32("tidelock.age", "Age (1/16 s)"),
  text = ProtoField.string("tidelock.data", "Text"),
  -- HELLO
  version = ProtoField.uint8("tidelock.version", "Version"),
  datagram = ProtoField.bool("tidelock.link.datagram", "Datagrams", 8, nil, 0x01),
  tls = ProtoField.bool("tidelock.link.tls", "Inside TLS", 8, nil, 0x02),
  offers_sealed = ProtoField.bool("tidelock.suites.sealed", "Offers sealed", 8, nil, 0x01),
  offers_signed = ProtoField.bool("tidelock.suites.signed", "Offers signed", 8, nil, 0x02),
  offers_signed_8 = ProtoField.bool("tidelock.suites.signed_8", "Offers signed-8", 8, nil, 0x04),
  nonce = ProtoField.bytes("tidelock.nonce", "Nonce"),
  outbox = ProtoField.uint32("tidelock.outbox", "Outbox", base.HEX),
  largest = ProtoField.uint16("tidelock.largest", "Largest body"),
  key_id = ProtoField.uint8("tidelock.key_id", "Key id"),
  identity = ProtoField.string("tidelock.identity", "Identity"),
  padding = ProtoField.bytes("tidelock.padding", "Padding"),
  -- CHALLENGE, PROOF
  window = ProtoField.uint16("tidelock.window", "Window (ms)"),
  epoch = ProtoField.uint64("tidelock.epoch", "Gateway's time (Unix ms)"),
  date = ProtoField.absolute_time("tidelock.date", "Gateway's time"),
  proof = ProtoField.bytes("tidelock.proof", "Proof"),
  -- READY, ACK, PING, PONG, CLOSE
  life = ProtoField.uint32("tidelock.life", "Life (s)"),
  idle = ProtoField.uint16("tidelock.idle", "Idle (s)"),
  spread = ProtoField.uint16("tidelock.spread", "Spread (s)"),
  ack = ProtoField.uint32("tidelock.ack.id", "Acknowledges"),
  status = ProtoField.uint8("tidelock.ack.status", "Status", base.HEX, STATUSES),
  t1 = ProtoField.uint64("tidelock.t1", "t1"),
  receive = ProtoField.uint32("tidelock.receive", "Received at (ms)"),
  send = ProtoField.uint32("tidelock.send", "Sent at (ms)"),
  reason = ProtoField.uint8("tidelock.close.reason", "Reason", base.DEC, REASONS),
  -- ROUTE, DELIVER
  lifetime = ProtoField.uint16("tidelock.lifetime", "Lifetime (s)"),
  kind = ProtoField.uint8("tidelock.kind", "Kind of target or source"),
  topic = ProtoField.string("tidelock.topic", "Topic"),
  trust = ProtoField.uint8("tidelock.trust", "Trust of the source", base.DEC, TRUSTS),
  retry_after = ProtoField.uint16("tidelock.close.retry_after", "Retry after (s)"),
  -- DISCOVER, OFFER
  token = ProtoField.bytes("tidelock.token", "Token"),
  links = ProtoField.uint8("tidelock.offer.links", "Links"),
  offered = ProtoField.uint8("tidelock.offer.link", "Link", base.DEC, LINKS),
  port = ProtoField.uint16("tidelock.offer.port", "Port"),
  name = ProtoField.string("tidelock.offer.name", "Name"),
}
tidelock.fields = f

local e = {
  malformed = ProtoExpert.new("tidelock.malformed", "No frame of Tidelock/1", expert.group.MALFORMED, expert.severity.ERROR),
  unsure = ProtoExpert.new("tidelock.unsure", "No CHALLENGE was seen: the length of tags is assumed", expert.group.ASSUMPTION, expert.severity.NOTE),
}
tidelock.experts = e
tidelock.prefs.tag = Pref.uint("Length of tags", 16, "Where the handshake was not captured: 16, or 8 for signed-8")

local tcp_stream = Field.new("tcp.stream")

-- The suite of each TCP stream, and of each session on datagrams, as its CHALLENGE told.
local stream_suites, session_suites = {}, {}

function tidelock.init()
  stream_suites, session_suites = {}, {}
end

local function tag_bytes(suite)
  if suite == nil then return tidelock.prefs.tag end
  return suite == 4 and 8 or 16
end

local function is_handshake(first)
  return first >= 0x81 and first <= 0x83
end

-- Length of a stream's frame at `offset`: total, where its body begins, the body's length. Nil: more bytes are needed. False: no frame.
local function measure(tvb, offset, tag)
  local left = tvb:len() - offset
  local first = tvb(offset, 1):uint()
  if first < 0x80 then return false end
  if left < 2 then return nil end
  local length, head = tvb(offset + 1, 1):uint(), 2
  if length >= 0x80 then
    if left < 3 then return nil end
    local second = tvb(offset + 2, 1):uint()
    if second == 0 or second > 0x7f then return false end
    length, head = length - 0x80 + second * 128, 3
  end
  if is_handshake(first) then return head + length, head, length end
  return head + 3 + length + tag, head + 3, length
end

local function add_hello(tree, h)
  if h:len() < H_FIXED then return nil end
  local id = h(26, 1):uint()
  if h:len() < H_FIXED + id then return nil end
  tree:add(f.version, h(0, 1))
  tree:add(f.datagram, h(1, 1))
  tree:add(f.tls, h(1, 1))
  tree:add(f.offers_sealed, h(2, 1))
  tree:add(f.offers_signed, h(2, 1))
  tree:add(f.offers_signed_8, h(2, 1))
  tree:add(f.nonce, h(3, 16))
  tree:add(f.outbox, h(19, 4))
  tree:add(f.largest, h(23, 2))
  tree:add(f.key_id, h(25, 1))
  if id > 0 then tree:add_packet_field(f.identity, h(H_FIXED, id), ENC_UTF_8) end
  return H_FIXED + id, id > 0 and h(H_FIXED, id):string(ENC_UTF_8) or ""
end

local function add_challenge(tree, c)
  tree:add(f.version, c(0, 1))
  tree:add(f.suite, c(1, 1))
  tree:add(f.session, c(2, 4))
  tree:add(f.window, c(6, 2))
  tree:add(f.nonce, c(8, 16))
  local ms = c(24, 8):uint64()
  tree:add(f.epoch, c(24, 8))
  -- A 32-bit count of seconds: beyond 2106 the number alone is shown.
  if ms < UInt64(0, 1000) then tree:add(f.date, c(24, 8), NSTime((ms / 1000):tonumber(), (ms % 1000):tonumber() * 1000000)) end
  return c(1, 1):uint(), c(2, 4):uint()
end

-- What follows the type of a handshake frame. Returns a text for the info column, and suite and session where they are told.
local function add_handshake(tree, code, body, datagram)
  if code == HELLO then
    local h, identity = add_hello(tree, body)
    if not h then return nil end
    if body:len() > h then tree:add(f.padding, body(h)) end
    return "HELLO " .. identity
  end
  if code == CHALLENGE then
    if body:len() ~= C_BYTES + PROOF_BYTES then return nil end
    local suite, session = add_challenge(tree, body)
    tree:add(f.proof, body(C_BYTES, PROOF_BYTES))
    return string.format("CHALLENGE %s, session %08x", SUITES[suite] or "suite?", session), suite, session
  end
  if not datagram then
    if body:len() ~= PROOF_BYTES then return nil end
    tree:add(f.proof, body)
    return "PROOF"
  end
  local h, identity = add_hello(tree, body)
  if not h or body:len() ~= h + C_BYTES + PROOF_BYTES then return nil end
  local suite, session = add_challenge(tree, body(h, C_BYTES))
  tree:add(f.proof, body(h + C_BYTES, PROOF_BYTES))
  return string.format("PROOF %s, session %08x", identity, session), suite, session
end

-- Id and age that lead a body: returns where the rest begins, and the id; nil where they do not parse.
local function add_lead(tree, body)
  local n, age, scale, byte = 4, 0, 1, 0x80
  while byte >= 0x80 do
    if n >= body:len() or n >= 8 then return nil end
    byte = body(n, 1):uint()
    age = age + (byte % 0x80) * scale
    scale = scale * 128
    n = n + 1
  end
  if byte == 0 and n > 5 then return nil end
  tree:add(f.id, body(0, 4))
  tree:add(f.age, body(4, n - 4), age)
  return n, body(0, 4):uint()
end

-- ROUTE and DELIVER: the head, then the application's bytes. Returns a text for the info column; nil where the head is not whole.
local function add_topic(tree, code, body)
  local at, bytes = code == ROUTE and 2 or 0, body and body:len() or 0
  if bytes < at + 2 then return nil end
  local name = body(at + 1, 1):uint()
  local head = at + 2 + name + (code == DELIVER and 1 or 0)
  if body(at, 1):uint() ~= KIND_TOPIC or name == 0 or bytes < head then return nil end
  if code == ROUTE then tree:add(f.lifetime, body(0, 2)) end
  tree:add(f.kind, body(at, 1))
  tree:add_packet_field(f.topic, body(at + 2, name), ENC_UTF_8)
  if code == DELIVER then tree:add(f.trust, body(head - 1, 1)) end
  if bytes > head then
    tree:add(f.body, body(head))
    tree:add_packet_field(f.text, body(head), ENC_UTF_8)
  end
  return " " .. body(at + 2, name):string(ENC_UTF_8)
end

-- A clear body (suites signed and signed-8). Returns a text for the info column; nil where it does not parse.
local function add_clear(tree, code, wanted, body)
  local bytes, lead = body and body:len() or 0, ""
  if wanted then
    if NEVER_WANTED[code] or not body then return nil end
    local n, id = add_lead(tree, body)
    if not n then return nil end
    bytes, lead = bytes - n, " id " .. id
    body = bytes > 0 and body(n) or nil
  end
  if code == READY then
    if bytes < 14 then return nil end
    tree:add(f.life, body(0, 4))
    tree:add(f.idle, body(4, 2))
    tree:add(f.spread, body(6, 2))
    tree:add(f.largest, body(8, 2))
    tree:add(f.outbox, body(10, 4))
  elseif code == ACK then
    if bytes ~= 5 then return nil end
    tree:add(f.ack, body(0, 4))
    tree:add(f.status, body(4, 1))
    return string.format(" of %d: %s", body(0, 4):uint(), STATUSES[body(4, 1):uint()] or "?")
  elseif code == PING then
    if bytes ~= 8 then return nil end
    tree:add(f.t1, body(0, 8))
  elseif code == PONG then
    if bytes ~= 16 then return nil end
    tree:add(f.t1, body(0, 8))
    tree:add(f.receive, body(8, 4))
    tree:add(f.send, body(12, 4))
  elseif code == CLOSE then
    if bytes < 3 then return nil end
    tree:add(f.reason, body(0, 1))
    tree:add(f.retry_after, body(1, 2))
    if bytes > 3 then tree:add_packet_field(f.text, body(3), ENC_UTF_8) end
    return " " .. (REASONS[body(0, 1):uint()] or "reason " .. body(0, 1):uint())
  elseif code == ROUTE or code == DELIVER then
    local topic = add_topic(tree, code, body)
    return topic and topic .. lead
  elseif body then
    tree:add(f.body, body)
    if code == DATA then tree:add_packet_field(f.text, body, ENC_UTF_8) end
  end
  return lead
end

local function malformed(tree, pinfo, what)
  tree:add_proto_expert_info(e.malformed, what)
  return "malformed " .. what
end

-- Body and tag of a protected frame; `rest` is what follows the time. Returns a text for the info column.
local function add_protected(tree, pinfo, code, wanted, rest, suite)
  local tag = tag_bytes(suite)
  local bytes = rest and rest:len() - tag or -tag
  if bytes < 0 then return malformed(tree, pinfo, "shorter than its tag") end
  if suite then
    tree:add(f.suite, suite):set_generated()
  else
    tree:add_proto_expert_info(e.unsure)
  end
  local info = ""
  if suite == nil or suite == 1 then
    if bytes > 0 then tree:add(f.sealed, rest(0, bytes)) end
    info = " " .. bytes .. " bytes"
  else
    info = add_clear(tree, code, wanted, bytes > 0 and rest(0, bytes) or nil)
    if not info then return malformed(tree, pinfo, "body") end
  end
  tree:add(f.tag, rest(bytes, tag))
  return (TYPES[code] or "type " .. code) .. info
end

local function add_type(tree, byte)
  tree:add(f.native, byte)
  tree:add(f.again, byte)
  tree:add(f.wanted, byte)
  tree:add(f.type, byte)
  local value = byte:uint()
  return value % 32, value % 64 >= 32
end

local function is_discovery(first)
  return first == 0x80 + DISCOVER or first == 0x80 + OFFER
end

-- What follows the type of DISCOVER and OFFER: version, token, and what is offered. Returns a text for the info column; nil where it does not parse.
local function add_discovery(tree, code, body)
  local bytes = body:len()
  if bytes < 9 or body(0, 1):uint() ~= 1 then return nil end
  tree:add(f.version, body(0, 1))
  tree:add(f.token, body(1, 8))
  if code == DISCOVER then
    if bytes ~= DISCOVERY_BYTES - 1 then return nil end
    for i = 9, bytes - 1 do
      if body(i, 1):uint() ~= 0 then return nil end
    end
    tree:add(f.padding, body(9))
    return "DISCOVER"
  end
  if bytes < 10 then return nil end
  local count = body(9, 1):uint()
  local at = 10 + 3 * count
  if count < 1 or count > DISCOVERY_LINKS or bytes < at + 1 or bytes ~= at + 1 + body(at, 1):uint() then return nil end
  tree:add(f.links, body(9, 1))
  local ways = {}
  for i = 0, count - 1 do
    local link = 10 + 3 * i
    local kind, port = body(link, 1):uint(), body(link + 1, 2):uint()
    if kind > 3 or port == 0 then return nil end
    tree:add(f.offered, body(link, 1))
    tree:add(f.port, body(link + 1, 2))
    ways[#ways + 1] = (LINKS[kind] or "link " .. kind) .. " " .. port
  end
  if bytes == at + 1 then return nil end
  tree:add_packet_field(f.name, body(at + 1), ENC_UTF_8)
  return "OFFER " .. body(at + 1):string(ENC_UTF_8) .. ", " .. table.concat(ways, ", ")
end

local function add_stream_frame(tvb, offset, total, head, length, pinfo, root, stream)
  local tree = root:add(tidelock, tvb(offset, total))
  local code, wanted = add_type(tree, tvb(offset, 1))
  local info
  if is_handshake(tvb(offset, 1):uint()) then
    tree:add(f.length, tvb(offset + 1, head - 1), length)
    local suite
    info, suite = nil, nil
    if length > 0 then info, suite = add_handshake(tree, code, tvb(offset + head, length), false) end
    if suite and SUITES[suite] then stream_suites[stream] = suite end
    info = info or malformed(tree, pinfo, TYPES[code])
  else
    tree:add(f.length, tvb(offset + 1, head - 4), length)
    tree:add(f.time, tvb(offset + head - 3, 3))
    local rest = total > head and tvb(offset + head, total - head) or nil
    info = add_protected(tree, pinfo, code, wanted, rest, stream_suites[stream])
  end
  tree:append_text(", " .. info)
  return info
end

local function dissect_stream(tvb, pinfo, root)
  local stream = tcp_stream().value
  local offset, infos = 0, {}
  while offset < tvb:len() do
    local total, head, length = measure(tvb, offset, tag_bytes(stream_suites[stream]))
    if total == false then
      -- A stream of another protocol is another dissector's.
      if offset == 0 then return 0 end
      root:add(tidelock, tvb(offset)):add_proto_expert_info(e.malformed)
      infos[#infos + 1] = "malformed"
      offset = tvb:len()
    elseif total == nil or offset + total > tvb:len() then
      pinfo.desegment_offset = offset
      pinfo.desegment_len = total and offset + total - tvb:len() or DESEGMENT_ONE_MORE_SEGMENT
      break
    else
      infos[#infos + 1] = add_stream_frame(tvb, offset, total, head, length, pinfo, root, stream)
      offset = offset + total
    end
  end
  pinfo.cols.protocol = "Tidelock"
  if #infos > 0 then pinfo.cols.info = table.concat(infos, " | ") end
  return tvb:len()
end

local function dissect_datagram(tvb, pinfo, root)
  if tvb:len() < 1 or tvb(0, 1):uint() < 0x80 then return 0 end
  local tree = root:add(tidelock, tvb())
  local code, wanted = add_type(tree, tvb(0, 1))
  local info
  if is_handshake(tvb(0, 1):uint()) then
    local suite, session
    if tvb:len() > 1 then info, suite, session = add_handshake(tree, code, tvb(1), true) end
    if session and SUITES[suite] then session_suites[session] = suite end
    info = info or malformed(tree, pinfo, TYPES[code])
  elseif is_discovery(tvb(0, 1):uint()) then
    info = tvb:len() > 1 and add_discovery(tree, code, tvb(1)) or malformed(tree, pinfo, TYPES[code])
  elseif tvb:len() < DATAGRAM_HEAD then
    info = malformed(tree, pinfo, "datagram")
  else
    tree:add(f.session, tvb(1, 4))
    tree:add(f.seq, tvb(5, 2))
    tree:add(f.time, tvb(7, 3))
    local rest = tvb:len() > DATAGRAM_HEAD and tvb(DATAGRAM_HEAD) or nil
    info = add_protected(tree, pinfo, code, wanted, rest, session_suites[tvb(1, 4):uint()])
  end
  tree:append_text(", " .. info)
  pinfo.cols.protocol = "Tidelock"
  pinfo.cols.info = info
  return tvb:len()
end

local TCP_PORT_TYPE = 2
function tidelock.dissector(tvb, pinfo, root)
  if pinfo.port_type == TCP_PORT_TYPE then return dissect_stream(tvb, pinfo, root) end
  return dissect_datagram(tvb, pinfo, root)
end

-- A HELLO at the beginning tells the protocol at any port: its length, version and link must fit each other.
local function is_hello(tvb, body, datagram)
  if tvb:len() < body + H_FIXED or tvb(0, 1):uint() ~= 0x81 or tvb(body, 1):uint() ~= 1 then return false end
  local link, id = tvb(body + 1, 1):uint(), tvb(body + 26, 1):uint()
  if id == 0 or id > 64 then return false end
  if datagram then return (link == 1 or link == 3) and tvb:len() >= math.max(49, 1 + H_FIXED + id) end
  return (link == 0 or link == 2) and tvb(1, 1):uint() == H_FIXED + id
end

local function heuristic(body, datagram)
  return function(tvb, pinfo, root)
    if not is_hello(tvb, body, datagram) then return false end
    pinfo.conversation = tidelock
    tidelock.dissector(tvb, pinfo, root)
    return true
  end
end

tidelock:register_heuristic("tcp", heuristic(2, false))
tidelock:register_heuristic("udp", heuristic(1, true))
DissectorTable.get("tcp.port"):add(PORT, tidelock)
DissectorTable.get("udp.port"):add(PORT, tidelock)
DissectorTable.get("udp.port"):add(DISCOVERY_PORT, tidelock)
