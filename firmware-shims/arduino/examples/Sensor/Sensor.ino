/*
 * A sensor on an ESP32 with Arduino: sends a reading every ten seconds until the gateway has it, and obeys "interval SECONDS".
 *
 * Identity and key lie in NVS, namespace "tidelock": `id` a string, `key` 32 bytes (docs/firmware.md says how they get there). A key
 * in a sketch would be in every copy of its binary. Other boards: give fillRandom a true random source, and the key another home.
 */
#include <Preferences.h>
#include <WiFi.h>
#include <esp_random.h>
#include <tidelock.h>

static const char NETWORK[] = "my network";
static const char PASSWORD[] = "its password";
static const char GATEWAY[] = "gateway.lan";
static const uint16_t PORT = 8433;

static uint64_t memory[TL_MEMORY_BYTES / 8];
static uint32_t outbox[1024 / 4];
static tl_client *client;
static WiFiClient link_;
static bool mustConnect, mustClose, isUp;
static uint32_t interval = 10000, reported;

/* A true source while the radio runs, which it does before the client is opened. */
static bool fillRandom(void *, uint8_t *out, uint32_t bytes) {
  esp_fill_random(out, bytes);
  return true;
}

static tl_verdict obey(const tl_event *event) {
  static const char command[] = "interval ";
  char text[24];
  if (event->bytes >= sizeof text || event->bytes < sizeof command) return TL_REFUSE;
  memcpy(text, event->body, event->bytes);
  text[event->bytes] = 0;
  if (strncmp(text, command, sizeof command - 1) != 0) return TL_REFUSE;
  unsigned long seconds = strtoul(text + sizeof command - 1, nullptr, 10);
  if (seconds < 1 || seconds > 86400) return TL_REFUSE;
  interval = static_cast<uint32_t>(seconds) * 1000;
  Serial.println("interval changed");
  return TL_TAKE;
}

/* Told from inside a call of the client, so it calls none itself. */
static tl_verdict onEvent(void *, const tl_event *event) {
  if (event->kind == TL_EV_CONNECT) mustConnect = true;
  if (event->kind == TL_EV_DISCONNECT) mustClose = true;
  if (event->kind == TL_EV_ONLINE) Serial.println("online");
  if (event->kind == TL_EV_RESULT) Serial.println(event->why == TL_DELIVERED ? "delivered" : "not delivered");
  return event->kind == TL_EV_MESSAGE ? obey(event) : TL_TAKE;
}

static void openClient() {
  Preferences preferences;
  uint8_t key[32];
  preferences.begin("tidelock", true);
  String id = preferences.getString("id");
  if (preferences.getBytes("key", key, sizeof key) != sizeof key) Serial.println("no key in NVS");
  preferences.end();
  tl_config config = {};
  config.size = sizeof config;
  config.memory = memory;
  config.memory_bytes = sizeof memory;
  config.outbox = outbox;
  config.outbox_bytes = sizeof outbox;
  config.key = key;
  config.identity = id.c_str();
  config.suites = TL_SUITE_SEALED;
  config.random = fillRandom;
  config.event = onEvent;
  tl_status status = tl_open(&client, &config, millis());
  memset(key, 0, sizeof key);
  if (status != TL_OK) Serial.println(tl_status_text(status));
}

void setup() {
  Serial.begin(115200);
  WiFi.begin(NETWORK, PASSWORD);
  while (WiFi.status() != WL_CONNECTED) delay(100);
  openClient();
  if (client != nullptr) tl_start(client, millis());
}

static void sendOutput() {
  uint32_t count;
  const uint8_t *bytes = tl_output(client, &count);
  if (bytes != nullptr) tl_output_taken(client, static_cast<uint32_t>(link_.write(bytes, count)));
}

static void takeInput() {
  static uint8_t input[256];
  static uint32_t at, have;
  if (at == have) {
    int got = link_.available() > 0 ? link_.read(input, sizeof input) : 0;
    at = 0;
    have = got > 0 ? static_cast<uint32_t>(got) : 0;
  }
  if (at < have) {
    uint32_t taken;
    tl_receive(client, input + at, have - at, &taken, millis());
    at += taken;
  }
}

void loop() {
  if (client == nullptr) return;
  if (mustConnect) {
    mustConnect = false;
    isUp = link_.connect(GATEWAY, PORT);
    if (isUp) tl_connected(client, millis());
    else tl_disconnected(client, millis());
  }
  if (link_.connected()) {
    takeInput();
    sendOutput();
  } else if (isUp) {
    isUp = false;
    tl_disconnected(client, millis());
  }
  if (mustClose) {
    mustClose = isUp = false;
    link_.stop();
  }
  tl_poll(client, millis());
  if (millis() - reported >= interval) {
    static const char reading[] = "21.5";
    reported = millis();
    tl_send(client, reinterpret_cast<const uint8_t *>(reading), sizeof reading - 1, 0, false, nullptr, millis());
  }
}
