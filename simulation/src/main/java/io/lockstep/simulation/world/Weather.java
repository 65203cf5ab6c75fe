package io.lockstep.simulation.world;

/**
 * Immutable. How bad the network is.
 *
 * @param loss chance that one message vanishes while its connection stays
 * @param duplication chance that a message arrives a second time, late; never one that changes an
 *     object by a client's connection, for whose order the transport vouches (P11)
 * @param breakage chance that a message's connection breaks instead
 * @param delayMaxNs each message takes a random time up to this
 * @param stallNs now and then one takes so long
 */
public record Weather(
    double loss, double duplication, double breakage, long delayMaxNs, long stallNs) {
  public static final Weather FINE = new Weather(0, 0, 0, 300_000, 0);
}
