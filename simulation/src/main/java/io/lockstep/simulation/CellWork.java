package io.lockstep.simulation;

import io.lockstep.core.Outcome;
import io.lockstep.fs.vfs.AttributeChange;
import io.lockstep.fs.vfs.Files;
import io.lockstep.fs.vfs.OpenMode;
import io.lockstep.simulation.check.History;
import io.lockstep.simulation.check.History.Promise;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Confined to the fiber of its application. Opens files made of cells, writes and reads cells,
 * truncates, syncs, closes, opens again.
 */
final class CellWork implements Application.Work {
  private static final int FILES = 2;
  private static final int CELLS_MAX = 12;
  private static final OpenMode DIRECT = new OpenMode(true, true, false, false, true);

  /** Immutable. A file as one application has it open. */
  private record OpenFile(String name, long inode, long handle, boolean direct, long openedNs) {}

  private final Application app;
  private final OpenFile[] files = new OpenFile[FILES];

  CellWork(Application app) {
    this.app = app;
  }

  static String name(int number) {
    return "cells" + number;
  }

  static int files() {
    return FILES;
  }

  @Override
  public void step() {
    int number = app.chance.nextInt(FILES);
    OpenFile file = files[number];
    if (file == null) {
      files[number] = open(name(number));
      return;
    }
    int dice = app.chance.nextInt(100);
    if (dice < 42) {
      write(file, dice < 5);
    } else if (dice < 79) {
      int cells = 1 + app.chance.nextInt(CELLS_MAX);
      read(file, app.chance.nextInt(Cells.COUNT - cells + 1), cells);
    } else if (dice < 82) {
      truncate(file);
    } else if (dice < 90) {
      keep(file, Promise.DURABLE);
    } else if (dice < 95) {
      keep(file, Promise.RECEIVED);
    } else {
      close(file);
      files[number] = null;
    }
  }

  /** Each descriptor that is open is told what was lost, at the latest now. */
  @Override
  public void end() {
    for (int number = 0; number < FILES; number++) {
      if (files[number] != null) {
        keep(files[number], Promise.DURABLE);
        close(files[number]);
        files[number] = null;
      }
    }
  }

  /** At rest: everything, once. */
  void readAll() {
    for (int number = 0; number < FILES; number++) {
      OpenFile file = open(name(number));
      if (file != null) {
        for (int cell = 0; cell < Cells.COUNT; cell += CELLS_MAX) {
          read(file, cell, Math.min(CELLS_MAX, Cells.COUNT - cell));
        }
        close(file);
      }
    }
  }

  private OpenFile open(String name) {
    try {
      boolean direct = app.chance.nextInt(5) == 0;
      OpenMode mode = direct ? DIRECT : OpenMode.READ_WRITE;
      Files.Created made =
          app.vfs()
              .files()
              .create(Application.CALLER, app.root(), Application.bytes(name), 0644, mode);
      long inode = made.attributes().getInode();
      return new OpenFile(name, inode, made.handle(), direct, app.time.nowNs());
    } catch (Outcome e) {
      app.fail("open of " + name, e);
      return null;
    }
  }

  private void write(OpenFile file, boolean sync) {
    int cells = 1 + app.chance.nextInt(CELLS_MAX);
    int first = app.chance.nextInt(Cells.COUNT - cells + 1);
    History.Write write = app.history.begin(app.client, file.name, first, cells, app.time.nowNs());
    try {
      ByteBuffer bytes = Cells.fill(write.value(), first, cells);
      app.vfs().files().write(file.handle, (long) first * Cells.BYTES, bytes, sync);
      Promise promise = sync ? Promise.DURABLE : file.direct ? Promise.RECEIVED : Promise.ACCEPTED;
      app.history.end(write, promise, app.time.nowNs());
      note(file, "wrote " + write.value() + " to " + cells + " cells from " + first);
    } catch (Outcome e) {
      onFailure(file, "write of " + write.value(), e);
    }
  }

  private void read(OpenFile file, int first, int cells) {
    long startNs = app.time.nowNs();
    ByteBuffer bytes = ByteBuffer.allocate(cells * Cells.BYTES);
    try {
      app.vfs().files().read(file.handle, (long) first * Cells.BYTES, bytes);
      long endNs = app.time.nowNs();
      List<Integer> values = new ArrayList<>();
      for (int i = 0; i < cells; i++) {
        int value = Cells.value(bytes.array(), i, first + i);
        values.add(value);
        if (value < 0) {
          app.history.torn(app.name(), file.name, first + i, endNs);
        } else {
          app.history.read(app.client, file.name, first + i, value, startNs, endNs);
        }
        app.time.mix(value);
      }
      note(file, "read from " + first + ": " + values);
    } catch (Outcome e) {
      app.fail("read of " + file.name, e);
    }
  }

  /** By path: needs no descriptor, and tells none. */
  private void truncate(OpenFile file) {
    int first = app.chance.nextInt(Cells.COUNT);
    History.Write cut =
        app.history.beginCut(app.client, file.name, first, Cells.COUNT - first, app.time.nowNs());
    try {
      AttributeChange size = new AttributeChange().size((long) first * Cells.BYTES);
      app.vfs().setAttributes(Application.CALLER, file.inode, size);
      app.history.end(cut, Promise.RECEIVED, app.time.nowNs());
      note(file, "cut to " + first + " cells, " + cut.value());
    } catch (Outcome e) {
      app.fail("truncation of " + file.name, e);
    }
  }

  private void keep(OpenFile file, Promise promise) {
    long beganNs = app.time.nowNs();
    try {
      if (promise == Promise.DURABLE) {
        app.vfs().files().fsync(file.handle, app.chance.nextBoolean());
      } else {
        app.vfs().files().flush(file.handle);
      }
      app.history.kept(app.client, file.name, promise, file.openedNs, beganNs);
      note(file, promise == Promise.DURABLE ? "fsync" : "flush");
    } catch (Outcome e) {
      onFailure(file, promise == Promise.DURABLE ? "fsync" : "flush", e);
    }
  }

  private void close(OpenFile file) {
    keep(file, Promise.RECEIVED);
    try {
      app.vfs().files().release(file.handle);
      note(file, "closed");
    } catch (Outcome e) {
      app.fail("close of " + file.name, e);
    }
  }

  /** What was only accepted may be lost: this is how an application hears of it. */
  private void onFailure(OpenFile file, String what, Outcome failure) {
    app.history.lost(app.client, file.name, app.time.nowNs());
    app.fail(what + " of " + file.name, failure);
  }

  private void note(OpenFile file, String what) {
    app.note(file.name + ": " + what);
  }
}
