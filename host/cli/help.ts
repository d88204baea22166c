/** Examples and exit codes, shown below the help of commander. */

export const EXIT_CODES = `
Exit codes:
  0  done
  1  it could not be done; stderr says why
  2  the command or its configuration is not right
  3  sent or queued, but not delivered: expired, refused, in doubt
  130, 143  ended at once by a second Ctrl-C or SIGTERM`;

export const EXAMPLES = {
  tidelock: `
Begin like this:
  $ tidelock devices add pump-7 --key-file pump-7.key
  $ tidelock serve --listen tidelock://0.0.0.0:8433
and from another shell, or another machine that has the key file:
  $ echo "21.5 °C" | tidelock device --id pump-7 --key-file pump-7.key tidelock://localhost
  $ tidelock send pump-7 "valve open" --wait

Where something is wrong: tidelock doctor`,

  serve: `Examples:
  $ tidelock serve                                      at port 8433, database tidelock.db in this folder
  $ tidelock serve --listen tidelock://127.0.0.1:9000 --database sqlite:/var/lib/tidelock/gateway.db
  $ tidelock serve --json | my-program                  one JSON object a message
  $ tidelock serve --backend 'python3 backend.py'       a program takes the messages; docs/backends.md
  $ tidelock serve --config gateway.json --limit halfOpen=100
  $ tidelock serve --metrics 127.0.0.1:9433             /metrics for Prometheus, /healthz, /readyz
  $ tidelock serve --mqtt mqtts://broker.example --mqtt-user-file broker.secret   joins the devices to a broker; docs/mqtt.md
  $ tidelock serve --sntp pool.ntp.org                  says when this machine's clock is off

Every option is also a variable (--log-level: TIDELOCK_LOG_LEVEL) and a name in the file ("logLevel").
Flags win over the environment, and that wins over the file.
A message is marked done once its line is written to stdout; the log goes to stderr.
SIGTERM or Ctrl-C finishes what was accepted; a second one ends at once.`,

  device: `Examples:
  $ echo "21.5 °C" | tidelock device --id pump-7 --key-file pump-7.key tidelock://gateway.example
  $ echo "21.5 °C" | tidelock device --topic temp/inlet --id pump-7 --key-file pump-7.key tidelock://gateway.example
  $ sensor | tidelock device --id pump-7 --key-file pump-7.key tidelock://one.example tidelock://two.example
  $ tidelock device --listen --id pump-7 --key-file pump-7.key tidelock://localhost < /dev/null

Each line of stdin is one message, acknowledged by the gateway; empty lines are skipped. It ends when stdin has
ended and every line is acknowledged or given up. What the gateway sends goes to stdout, states go to stderr.`,

  send: `Examples:
  $ tidelock send pump-7 "valve open"                   queued; the device gets it when it is there
  $ tidelock send pump-7 "valve open" --wait --lifetime 30s
  $ tidelock send pump-7 open --topic valve/set         under a topic
  $ tidelock send pump-7 - < firmware.sig               bytes from stdin, at most 16375

Where no gateway runs, the message is put into the queue in the database, and the gateway sends it once it runs.`,

  queue: `Examples:
  $ tidelock queue list                                 what waits, for which device, and until when
  $ tidelock queue list pump-7 --json
  $ tidelock queue cancel pump-7 'pump-7#0a1b2c3d-2'    one message, by the name that list shows
  $ tidelock queue cancel pump-7                        all that was not sent to it yet

A message waits for a device that sleeps. Once it was sent it may have been obeyed: then it cannot be cancelled, and ends
as delivered, refused or in doubt.`,

  rules: `Examples:
  $ tidelock rules add 'plant/settings/#' pump-7 plant-2/pump-8
  $ tidelock rules list
  $ tidelock rules remove 'plant/settings/#' pump-7     this device alone
  $ tidelock rules remove 'plant/settings/#'            the whole rule

What is published there at QoS 1 or 2 is a command to each device of the rule: it waits for one that sleeps, and its end is told
as that of any command. (\`tidelock devices subscribe\` is for what a device may miss.) Quote the topics: # and * mean something
to the shell. It needs a gateway with --mqtt, whose user may read the topics.`,

  deadLetters: `Examples:
  $ tidelock dead-letters list                          what the broker would not take, and why
  $ tidelock dead-letters retry 17 18
  $ tidelock dead-letters retry all

A message that the broker refuses for good, or that ends three connections to it, is set aside so that the others go on. Correct
the reason (rights, a limit of the broker) before you retry: else it comes back here.`,

  subscribe: `Example:
  $ tidelock devices subscribe pump-7 plant/+/weather

What is published to the device's own topics (tl/-/pump-7/down/…) reaches it without this, also later. What it is subscribed to
reaches it while it is connected, without acknowledgement, under the topic's own name.`,

  announce: `Examples:
  $ tidelock devices announce pump-7 inlet --platform sensor --topic temp/inlet --unit °C --device-class temperature --state-class measurement
  $ tidelock devices announce pump-7 motor --platform switch --topic motor --command motor/set
  $ tidelock devices announce pump-7 speed --platform number --topic speed --command speed/set --set min=0 --set max=3000
  $ tidelock devices unannounce pump-7 motor

A gateway that runs with --mqtt tells Home Assistant by retained messages under homeassistant/device/…/config; docs/mqtt.md.`,

  watch: `Examples:
  $ tidelock watch                                      everything, both ways
  $ tidelock watch 'pump-7/#'                           of one device, whatever the topic
  $ tidelock watch 'plant-2/+/temp/#' --json | jq .

Each line: time, ↑ from the device or ↓ to it, device, topic or -, kind of payload (text, json, cbor, hex), payload, with a tab
between. It shows, and changes nothing: messages go their way as without it. Where more pass than can be shown, lines are
left out and counted on stderr. What is shown may be secret: mind where you print it.`,

  devices: `Examples:
  $ tidelock devices add pump-7                         prints the key once
  $ tidelock devices add plant-2/pump-7 --key-file pump-7.key
  $ tidelock devices add 1234567890 --iotsocket --import-key-file old.key   a device of the Python package IOTSocket
  $ tidelock devices list --json
  $ tidelock devices disable pump-7

They act on the running gateway at once, or on the database where none runs.`,

  export: `Examples:
  $ tidelock devices export                             identity, access and key numbers, as CSV
  $ tidelock devices export --with-keys --out all.csv   with keys, into a new file of mode 0600
  $ tidelock devices export --format nvs --with-keys --out nvs --url tidelock://gateway.lan pump-7
  $ python3 -m esp_idf_nvs_partition_gen generate nvs/pump-7.csv pump-7.bin 0x6000
  $ tidelock devices export --format qr --with-keys --stdout pump-7

It needs the database for itself: stop the gateway first.`,

  import: `Examples:
  $ tidelock devices import all.csv --dry-run           says every fault, or what it would do
  $ tidelock devices import all.csv
  $ printf 'identity\npump-7\npump-8\n' | tidelock devices import - --format csv --new-keys

CSV: the first line names the columns. identity must be there; protocol (tidelock), access (enabled), added (now), key_id
(0), state (current), made (now) and key (64 hexadecimal digits) may be. A device with two keys has two lines. Of JSON
export writes an example. A file with keys must be its owner's alone (mode 0600). The gateway must not be running.`,

  registry: `Examples:
  $ tidelock keygen /etc/tidelock/master.key
  $ tidelock registry wrap --master-key-file /etc/tidelock/master.key
  $ tidelock serve --master-key-file /etc/tidelock/master.key
  $ tidelock registry rewrap --master-key-file old.key --new-master-key-file new.key

They need the database for themselves: stop the gateway first. All keys change in one transaction, then what the file
held before is cleared; a command that was interrupted can be given again. Without the master key wrapped keys are lost.`,

  cert: `Examples:
  $ tidelock cert gateway.crt gateway.key               for the names and addresses of this machine
  $ tidelock cert gateway.crt gateway.key --name gateway.lan --name 192.168.1.5
  $ tidelock serve --tls-cert gateway.crt --tls-key gateway.key
  $ tidelock device --pin sha256/… --id pump-7 --key-file pump-7.key tidelocks://gateway.lan
  $ tidelock cert gateway.crt gateway.key --keep-key    renews it; a running gateway takes it by itself

The certificate is signed by its own key. A device knows it by the pin, or by the certificate itself as --ca.`,

  keygen: `Example:
  $ tidelock keygen pump-7.key
  $ tidelock devices add pump-7 --import-key-file pump-7.key

The file holds 32 random bytes as hexadecimal digits and may be read by its owner alone.`,

  firmware: `Examples:
  $ tidelock firmware --out tidelock                    C sources for any chip; docs/firmware.md
  $ tidelock firmware --out components/tidelock --for esp-idf
  $ tidelock firmware --out ~/Arduino/libraries/Tidelock --for arduino --core small
  $ tidelock firmware --out components/tidelock --for esp-idf --engine wamr --force

wasm2c: the core was made into C, which stays in flash and is fastest. wamr: the core stays WebAssembly, and can be replaced
without the firmware; WAMR itself is not in the package. Nothing is downloaded. --force replaces what this command wrote
there before, and leaves other files alone.`,

  decode: `Examples:
  $ tidelock decode 8125010001202122232425262728292a2b2c2d2e2f0a0b0c0d0200000a70756d702d3030303037
  $ tidelock decode capture.pcap --key-file pump-7=pump-7.key --verbose
  $ tcpdump -i any -w - port 8433 | tidelock decode --key-file pump-7=pump-7.key
  $ printf '> 8125…\\n< 8230…\\n' | tidelock decode       > to the gateway, < to the device
  $ tidelock decode --datagram 88c0ffee01000000000bef6eff1a04d780bc7bd9ee7796497b9aff520d5a

Without a key it shows what is clear: handshakes, types, lengths, times, counters. With the key of the device, and the
handshake among the bytes, it checks the proofs and every tag, opens sealed bodies, and says of each frame whether its
receiver would have taken it, and if not, why. A body may hold secrets: mind where you print it.`,

  restored: `Example:
  $ tidelock restored --database sqlite:/var/lib/tidelock/gateway.db

Once, after a backup was put in place and before a gateway opens it: numbers that devices have taken since are not
used again, and commands that waited end in doubt. docs/operations.md says what else a backup means.`,

  discover: `Examples:
  $ tidelock discover                                   name, address and URLs of the gateways that answer
  $ tidelock discover --json --timeout 10s

Gateways answer where they run with --discovery NAME. Anybody on the link may answer in their place: what is found here
is for you to compare with what you know, and no device connects to it by itself. The key proves the gateway.`,

  doctor: `Examples:
  $ tidelock doctor
  $ tidelock doctor --listen tidelock://0.0.0.0:8433 --database sqlite:/var/lib/tidelock/gateway.db --json

Each line says ok, warn or fail, and what to do. The exit code is 1 where something fails.`,
};
