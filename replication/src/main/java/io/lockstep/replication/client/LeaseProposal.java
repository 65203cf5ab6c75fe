package io.lockstep.replication.client;

import io.lockstep.wire.message.LeaseMode;

/**
 * Immutable. The lease that a request proposes for the file that it makes or opens. It is ended by
 * opening the file with whatever came, or by withdrawing it.
 *
 * @param lease its id
 * @param era in which it was proposed: what comes in a later one is void
 */
public record LeaseProposal(long lease, LeaseMode mode, long era) {}
