package io.lockstep.tools.check;

/** Told how far a check is. */
public interface CheckProgress {
  /** A replica set begins; {@code files} is what is expected, roughly. */
  void onSet(long set, long files);

  /** One more file was compared. */
  void onFile(long bytes);

  /** The replica set is done. */
  void onSetEnd();
}
