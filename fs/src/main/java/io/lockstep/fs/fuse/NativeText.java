package io.lockstep.fs.fuse;

import java.nio.charset.Charset;

/** Immutable. How this JVM turns the name of a file into bytes. */
final class NativeText {
  static final Charset CHARSET = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

  private NativeText() {}
}
