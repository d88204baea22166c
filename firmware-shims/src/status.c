/* Statuses in words. */
#include "tidelock.h"

const char *tl_status_text(tl_status status) {
  switch (status) {
    case TL_OK: return "done";
    case TL_MORE: return "not all was taken: take the output, call again with the rest";
    case TL_E_STATE: return "not allowed in this state";
    case TL_E_ARGUMENT: return "a value is out of range";
    case TL_E_ROOM: return "the output is full: take it, call again";
    case TL_E_EVENTS: return "events are unread";
    case TL_E_ENTROPY: return "no randomness";
    case TL_E_TOO_LONG: return "the body is too long";
    case TL_E_ORDER: return "not the id that comes next";
    case TL_E_SLOTS: return "no free slot";
    case TL_E_REFUSED: return "an old proof";
    case TL_E_TOO_SHORT: return "the body is too short";
    case TL_E_TEXT: return "the body is not UTF-8";
    case TL_E_DELIMITER: return "the delimiter stands inside the body";
    case TL_E_PARTIAL: return "the frame has not come whole";
    case TL_E_TARGET: return "the topic's name breaks the rule";
    case TL_E_REENTRANT: return "called from within a callback of the same client";
    case TL_E_MEMORY: return "memory is missing, too small, or not aligned to 8 bytes";
    case TL_E_VERSION: return "tl_config or the core is of another version";
    case TL_E_TRAP: return "the core trapped: close the client and open it anew";
    case TL_E_ENGINE: return "the engine cannot load or run the core";
    case TL_E_OUTBOX_FULL: return "the outbox is full";
  }
  return "a status of another version";
}
