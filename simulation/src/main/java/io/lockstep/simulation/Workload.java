package io.lockstep.simulation;

import io.lockstep.core.Outcome;
import io.lockstep.replication.client.Descriptor;
import io.lockstep.replication.client.FileContent;
import io.lockstep.simulation.check.History;
import io.lockstep.simulation.check.History.Promise;
import io.lockstep.simulation.cluster.Cluster;
import io.lockstep.simulation.cluster.MountNode;
import io.lockstep.simulation.world.VirtualTime;
import io.lockstep.wire.message.Attributes;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Confined to the thread of the simulation and its fibers. Applications: each opens files, writes
 * and reads cells of them, syncs, closes, opens again, and writes down what it saw.
 */
final class Workload {
  private static final int FILES = 2;
  private static final long PAUSE_NS_MAX = 40_000_000;
  private static final long LONG_PAUSE_NS_MAX = 3_000_000_000L;
  private static final long RETRY_NS = 300_000_000;

  private final VirtualTime time;
  private final Random random;
  private final History history;
  private final int operations;
  private int begun;
  private int ended;
  private int failed;
  private int running;
  private boolean stopped;

  Workload(Cluster cluster, Random random, History history, int operations) {
    this.time = cluster.time();
    this.random = random;
    this.history = history;
    this.operations = operations;
  }

  /** Applications that live and have not ended. */
  int running() {
    return running;
  }

  int ended() {
    return ended;
  }

  int failed() {
    return failed;
  }

  boolean isDone() {
    return begun >= operations || stopped;
  }

  /** Nothing new is begun. */
  void stop() {
    stopped = true;
  }

  /** Applications on a mount that has just come up; they end with it. */
  void begin(MountNode mount) {
    int applications = 2 + random.nextInt(2);
    for (int i = 0; i < applications; i++) {
      String name = mount.host().name() + "#" + mount.run() + "." + i;
      Random chance = new Random(random.nextLong());
      mount.fibers().start(mount.host(), name, () -> new Application(mount, name, chance).run());
    }
  }

  /** One application thread of one mount. */
  private final class Application {
    private final MountNode mount;
    private final String who;
    private final String client;
    private final Random chance;
    private final OpenFile[] files = new OpenFile[FILES];

    Application(MountNode mount, String who, Random chance) {
      this.mount = mount;
      this.who = who;
      this.client = mount.host().name() + "#" + mount.run();
      this.chance = chance;
    }

    void run() {
      running++;
      try {
        work();
        end();
      } finally {
        running--;
      }
    }

    private void work() {
      while (!isDone()) {
        int number = chance.nextInt(FILES);
        OpenFile file = files[number];
        begun++;
        boolean killed = true;
        try {
          if (file == null) {
            files[number] = open("file" + number);
          } else if (!step(file)) {
            files[number] = null;
          }
          killed = false;
        } finally {
          ended += killed ? 0 : 1;
        }
        long pauseNsMax = chance.nextInt(5) == 0 ? LONG_PAUSE_NS_MAX : PAUSE_NS_MAX;
        mount.fibers().sleep(1 + (long) (chance.nextDouble() * pauseNsMax));
      }
    }

    /** Each descriptor that is open is told what was lost, at the latest now. */
    private void end() {
      for (OpenFile file : files) {
        if (file != null) {
          keep(file, Promise.DURABLE);
          close(file);
        }
      }
    }

    private OpenFile open(String name) {
      try {
        Attributes attributes = mount.openFile(name);
        FileContent content = mount.files().open(attributes);
        boolean direct = chance.nextInt(5) == 0;
        return new OpenFile(name, content, content.newDescriptor(direct), direct, time.nowNs());
      } catch (Outcome e) {
        fail("open of " + name, e);
        return null;
      }
    }

    /** One operation; false if the file is closed now. */
    private boolean step(OpenFile file) {
      int dice = chance.nextInt(100);
      if (dice < 42) {
        write(file, dice < 5);
      } else if (dice < 82) {
        read(file);
      } else if (dice < 90) {
        keep(file, Promise.DURABLE);
      } else if (dice < 95) {
        keep(file, Promise.RECEIVED);
      } else {
        close(file);
        return false;
      }
      return true;
    }

    private void write(OpenFile file, boolean sync) {
      int cells = 1 + chance.nextInt(12);
      int first = chance.nextInt(Cells.COUNT - cells + 1);
      History.Write write = history.begin(client, file.name, first, cells, time.nowNs());
      try {
        file.content.write(
            (long) first * Cells.BYTES,
            Cells.fill(write.value(), first, cells),
            sync,
            file.descriptor);
        history.end(
            write,
            sync ? Promise.DURABLE : file.direct ? Promise.RECEIVED : Promise.ACCEPTED,
            time.nowNs());
        note(file, "wrote " + write.value() + " to " + cells + " cells from " + first);
      } catch (Outcome e) {
        onFailure(file, "write of " + write.value(), e);
      }
    }

    private void read(OpenFile file) {
      int cells = 1 + chance.nextInt(12);
      int first = chance.nextInt(Cells.COUNT - cells + 1);
      long startNs = time.nowNs();
      ByteBuffer bytes = ByteBuffer.allocate(cells * Cells.BYTES);
      try {
        file.content.read((long) first * Cells.BYTES, bytes);
        long endNs = time.nowNs();
        List<Integer> values = new ArrayList<>();
        for (int i = 0; i < cells; i++) {
          int value = Cells.value(bytes.array(), i, first + i);
          values.add(value);
          if (value < 0) {
            history.torn(who, file.name, first + i, endNs);
          } else {
            history.read(client, file.name, first + i, value, startNs, endNs);
          }
          time.mix(value);
        }
        note(file, "read from " + first + ": " + values);
      } catch (Outcome e) {
        fail("read of " + file.name, e);
      }
    }

    private void keep(OpenFile file, Promise promise) {
      long beganNs = time.nowNs();
      try {
        if (promise == Promise.DURABLE) {
          file.content.fsync(file.descriptor, true);
        } else {
          file.content.flush(file.descriptor);
        }
        history.kept(client, file.name, promise, file.openedNs, beganNs);
        note(file, promise == Promise.DURABLE ? "fsync" : "flush");
      } catch (Outcome e) {
        onFailure(file, promise == Promise.DURABLE ? "fsync" : "flush", e);
      }
    }

    private void close(OpenFile file) {
      keep(file, Promise.RECEIVED);
      file.content.close(file.descriptor);
      mount.closeFile(file.content.inode());
      note(file, "closed");
    }

    /** What was only accepted may be lost: this is how an application hears of it. */
    private void onFailure(OpenFile file, String what, Outcome failure) {
      history.lost(client, file.name, time.nowNs());
      fail(what + " of " + file.name, failure);
    }

    private void fail(String what, Outcome failure) {
      failed++;
      time.note(who, what + " failed: " + failure.code() + " " + failure.getMessage());
      mount.fibers().sleep(RETRY_NS);
    }

    private void note(OpenFile file, String what) {
      time.note(who, file.name + ": " + what);
    }
  }

  /** Immutable. A file as one application has it open. */
  private record OpenFile(
      String name, FileContent content, Descriptor descriptor, boolean direct, long openedNs) {}
}
