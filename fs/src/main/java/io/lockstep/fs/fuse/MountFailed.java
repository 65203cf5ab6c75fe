package io.lockstep.fs.fuse;

/** Immutable. Why a mount was refused, in one line for the user. Nothing is left behind. */
public final class MountFailed extends Exception {
  private static final long serialVersionUID = 1;

  MountFailed(String message) {
    super(message);
  }
}
