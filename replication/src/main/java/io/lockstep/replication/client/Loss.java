package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;

/**
 * Immutable. The writes of a file that were accepted and then lost.
 *
 * @param count how often so far
 * @param code of the last time
 */
record Loss(long count, ErrorCode code) {
  static final Loss NONE = new Loss(0, ErrorCode.OK);

  Loss another(ErrorCode newCode) {
    return new Loss(count + 1, newCode);
  }
}
