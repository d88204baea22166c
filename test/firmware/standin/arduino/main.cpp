/* What Arduino's core makes of a sketch: setup once, then loop. */
#include "Arduino.h"
#include SKETCH

int main() {
  setup();
  for (;;) {
    loop();
    delay(1);
  }
}
