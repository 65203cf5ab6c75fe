package io.lockstep.metadata.server;

/** Who has to move with the lead of the masters: lockd. Called on the master agent. */
public interface LeadershipListener {
  /** This master leads and serves. */
  void onLeading();

  /** It leads no more. */
  void onFollowing();
}
