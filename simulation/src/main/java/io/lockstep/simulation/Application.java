package io.lockstep.simulation;

import com.google.protobuf.ByteString;
import io.lockstep.core.Outcome;
import io.lockstep.fs.vfs.Files;
import io.lockstep.fs.vfs.OpenMode;
import io.lockstep.fs.vfs.Vfs;
import io.lockstep.simulation.check.History;
import io.lockstep.simulation.cluster.MountNode;
import io.lockstep.simulation.world.VirtualTime;
import io.lockstep.wire.message.Caller;
import java.util.Random;

/**
 * Confined to its fiber. One application thread on one mount: the kinds of work that it does, and
 * what they have in common.
 */
final class Application {
  static final Caller CALLER = Caller.getDefaultInstance();

  private static final long PAUSE_NS_MAX = 40_000_000;
  private static final long LONG_PAUSE_NS_MAX = 3_000_000_000L;
  private static final long RETRY_NS = 300_000_000;

  /** One kind of work. */
  interface Work {
    /** One operation, or a few that belong together. */
    void step();

    /** Nothing more is to be done: what is open is closed. */
    void end();
  }

  final MountNode mount;
  final Workload workload;
  final History history;
  final VirtualTime time;
  final Random chance;

  /** Who did it, in the history: a client lives and dies as one. */
  final String client;

  private final String name;
  private final Vfs vfs;

  Application(Workload workload, MountNode mount, String name, Random chance) {
    this.workload = workload;
    this.history = workload.history();
    this.mount = mount;
    this.time = mount.host().time();
    this.name = name;
    this.vfs = mount.vfs();
    this.client = mount.host().name() + "#" + mount.run();
    this.chance = chance;
  }

  String name() {
    return name;
  }

  Vfs vfs() {
    return vfs;
  }

  long root() {
    return vfs.options().root();
  }

  static ByteString bytes(String text) {
    return ByteString.copyFromUtf8(text);
  }

  /** A file in the root of the volume, made if it is not there; null if that failed. */
  Files.Created open(String name) {
    try {
      return vfs.files().create(CALLER, root(), bytes(name), 0644, OpenMode.READ_WRITE);
    } catch (Outcome e) {
      fail("open of " + name, e);
      return null;
    }
  }

  /** Works until there is enough of it. */
  void run(Work[] works) {
    while (!workload.isDone()) {
      Work work = works[chance.nextInt(works.length)];
      workload.onBegin();
      work.step();
      workload.onEnd();
      long pauseNsMax = chance.nextInt(5) == 0 ? LONG_PAUSE_NS_MAX : PAUSE_NS_MAX;
      sleep(1 + (long) (chance.nextDouble() * pauseNsMax));
    }
    for (Work work : works) {
      work.end();
    }
  }

  void sleep(long durationNs) {
    mount.fibers().sleep(durationNs);
  }

  /** An operation failed, and the application tries something else after a moment. */
  void fail(String what, Outcome failure) {
    workload.onFailure();
    time.note(name, what + " failed: " + failure.code() + " " + failure.getMessage());
    sleep(RETRY_NS);
  }

  void note(String what) {
    time.note(name, what);
  }
}
