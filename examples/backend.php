<?php
// A backend for `tidelock serve --backend 'php backend.php'`; docs/backends.md has the protocol.
// Writes each message into a file, and tells the device which reading was written. Needs PHP 7.4, nothing else.

$log = getenv('READINGS') ?: 'readings.txt';

/** One JSON object, one line, at once. */
function say(array $line): void
{
    fwrite(STDOUT, json_encode($line, JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR) . "\n");
    fflush(STDOUT);
}

function body_of(array $line): string
{
    return $line['text'] ?? bin2hex(base64_decode($line['base64'], true));
}

/** Does the work first, and says done after it: a crash in between gives the message again, with the same id. */
function handle(array $message, string $log): void
{
    $row = implode("\t", [$message['device'], $message['time'], $message['id'] ?? '-', body_of($message)]);
    if (file_put_contents($log, $row . "\n", FILE_APPEND | LOCK_EX) === false) {
        exit(1); // not done: it comes again
    }
    if (isset($message['id'])) {
        say(['type' => 'done', 'id' => $message['id']]);
        // "ref" is ours: it comes back with what became of the message.
        say(['type' => 'send', 'ref' => $message['id'], 'device' => $message['device'], 'text' => 'written: ' . body_of($message), 'lifetime' => 60000]);
    }
}

while (($text = fgets(STDIN)) !== false) { // ends when the gateway closes our stdin
    $line = json_decode($text, true, 512, JSON_THROW_ON_ERROR);
    switch ($line['type']) {
        case 'hello':
            say(['type' => 'ready', 'version' => 1]);
            break;
        case 'message':
            handle($line, $log);
            break;
        case 'result':
            fwrite(STDERR, "{$line['ref']}: {$line['state']}\n"); // stdout belongs to the protocol
            break;
        case 'error':
            fwrite(STDERR, "the gateway says: {$line['error']['problem']}\n");
            break;
    }
}
