package io.lockstep.simulation;

import io.lockstep.core.Outcome;
import io.lockstep.fs.vfs.Files;
import io.lockstep.simulation.check.AppendHistory;
import io.lockstep.simulation.check.AppendHistory.Seen;
import io.lockstep.simulation.check.History.Promise;
import java.nio.ByteBuffer;

/**
 * Confined to the fiber of its application. Appends records to a log that all applications share,
 * and reads it.
 */
final class LogWork implements Application.Work {
  private static final String NAME = "log";
  private static final int PLACES_MAX = 40;

  private final Application app;
  private long handle;
  private long openedNs;

  /** How long the log was when it was read last. */
  private int sizeBytes;

  LogWork(Application app) {
    this.app = app;
  }

  @Override
  public void step() {
    if (handle == 0) {
      open();
      return;
    }
    int dice = app.chance.nextInt(100);
    if (dice < 60) {
      append(dice < 5);
    } else if (dice < 82) {
      read();
    } else if (dice < 90) {
      keep(Promise.DURABLE);
    } else if (dice < 95) {
      keep(Promise.RECEIVED);
    } else {
      close();
    }
  }

  @Override
  public void end() {
    if (handle != 0) {
      keep(Promise.DURABLE);
      close();
    }
  }

  /** At rest: everything, once. */
  void readAll() {
    open();
    if (handle != 0) {
      read();
      close();
    }
  }

  private void open() {
    Files.Created made = app.open(NAME);
    if (made != null) {
      handle = made.handle();
      openedNs = app.time.nowNs();
    }
  }

  private void append(boolean sync) {
    AppendHistory.Append append = app.history.appends().begin(app.client, NAME, app.time.nowNs());
    try {
      ByteBuffer record = Records.fill(append.value(), 1);
      long at = app.vfs().files().write(handle, Files.APPEND, record, sync);
      append.standsAt(at);
      app.history.end(append, sync ? Promise.DURABLE : Promise.ACCEPTED, app.time.nowNs());
      app.note(NAME + ": appended " + append.value() + " at byte " + at);
    } catch (Outcome e) {
      onFailure("append of " + append.value(), e);
    }
  }

  /** From the begin: a record that did not fit leaves its first part, and moves those after it. */
  private void read() {
    long startNs = app.time.nowNs();
    ByteBuffer bytes = ByteBuffer.allocate(sizeBytes + PLACES_MAX * Records.BYTES);
    try {
      int count = app.vfs().files().read(handle, 0, bytes);
      long endNs = app.time.nowNs();
      Seen seen = Records.scan(bytes.array(), count, bytes.hasRemaining());
      app.time.mix(seen.values().hashCode());
      sizeBytes = count;
      app.history.appends().read(app.client, NAME, seen, startNs, endNs);
      app.note(NAME + ": read " + seen.values());
    } catch (Outcome e) {
      app.fail("read of " + NAME, e);
    }
  }

  private void keep(Promise promise) {
    long beganNs = app.time.nowNs();
    try {
      if (promise == Promise.DURABLE) {
        app.vfs().files().fsync(handle, app.chance.nextBoolean());
      } else {
        app.vfs().files().flush(handle);
      }
      app.history.kept(app.client, NAME, promise, openedNs, beganNs);
      app.note(NAME + ": " + promise);
    } catch (Outcome e) {
      onFailure("sync", e);
    }
  }

  private void close() {
    keep(Promise.RECEIVED);
    try {
      app.vfs().files().release(handle);
      handle = 0;
    } catch (Outcome e) {
      app.fail("close of " + NAME, e);
    }
  }

  private void onFailure(String what, Outcome failure) {
    app.history.lost(app.client, NAME, app.time.nowNs());
    app.fail(what + " of " + NAME, failure);
  }
}
