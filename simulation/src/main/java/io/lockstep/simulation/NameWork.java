package io.lockstep.simulation;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.fs.vfs.OpenMode;
import io.lockstep.fs.vfs.Vfs;
import io.lockstep.simulation.check.NameHistory;
import io.lockstep.simulation.check.NameHistory.Result;
import io.lockstep.simulation.check.RegisterHistory;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.FileType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Confined to the fiber of its application. Moves tokens between directories, makes files with
 * O_EXCL that others want to make too, and renames whole files over a target.
 */
final class NameWork implements Application.Work {
  /** Confined to the thread of the simulation. What all applications know of the names. */
  static final class Board {
    private static final int TOKENS = 3;

    private final long[] directories = new long[2];
    private final List<List<String>> places = new ArrayList<>();
    private int moves;
    private int races;
  }

  private static final String TARGET = "target";
  private static final int WHOLE_RECORDS = 3;
  private static final OpenMode EXCLUSIVE = new OpenMode(true, true, true, false, false);

  private final Application app;
  private final NameHistory names;
  private final Board board;

  NameWork(Application app, Board board) {
    this.app = app;
    this.names = app.history.names();
    this.board = board;
  }

  /** Before anything goes wrong: makes what the applications work on. */
  void prepare() {
    try {
      for (int i = 0; i < board.directories.length; i++) {
        Attributes made =
            app.vfs()
                .makeDirectory(Application.CALLER, app.root(), Application.bytes("d" + i), 0755);
        board.directories[i] = made.getInode();
      }
      for (int token = 0; token < Board.TOKENS; token++) {
        String place = "d0/t" + token;
        app.vfs()
            .makeNode(
                Application.CALLER, board.directories[0], name(place), FileType.REGULAR, 0644, 0);
        names.born("token" + token, place);
        board.places.add(new ArrayList<>(List.of(place)));
      }
    } catch (Outcome e) {
      throw new AssertionError("nothing is wrong yet", e);
    }
  }

  private long directory(String place) {
    return board.directories[place.charAt(1) - '0'];
  }

  private static com.google.protobuf.ByteString name(String place) {
    return Application.bytes(place.substring(3));
  }

  @Override
  public void step() {
    int dice = app.chance.nextInt(100);
    if (dice < 35) {
      move();
    } else if (dice < 60) {
      look();
    } else if (dice < 75) {
      race();
    } else if (dice < 85) {
      replace();
    } else {
      readTarget();
    }
  }

  @Override
  public void end() {}

  /** At rest: where everything is. */
  void readAll() {
    Vfs vfs = app.vfs();
    for (int token = 0; token < board.places.size(); token++) {
      List<String> found = new ArrayList<>();
      for (String place : board.places.get(token)) {
        try {
          vfs.lookup(directory(place), name(place));
          found.add(place);
        } catch (Outcome e) {
          if (e.code() != ErrorCode.NOT_FOUND) {
            throw new AssertionError("nothing is wrong any more", e);
          }
        }
      }
      names.found("token" + token, found);
    }
    readTarget();
  }

  /** A place where the token is, or was. */
  private String guess(int token) {
    List<String> places = board.places.get(token);
    int back = app.chance.nextInt(4) == 0 ? app.chance.nextInt(3) : 0;
    return places.get(Math.max(0, places.size() - 1 - back));
  }

  private void move() {
    int token = app.chance.nextInt(Board.TOKENS);
    String from = guess(token);
    String to = "d" + app.chance.nextInt(2) + "/t" + token + "." + ++board.moves;
    long startNs = app.time.nowNs();
    // Others may look there from now on, whatever becomes of it.
    board.places.get(token).add(to);
    // Unless it is answered; the mount may die before.
    Result result = Result.UNKNOWN;
    try {
      app.vfs().rename(Application.CALLER, directory(from), name(from), directory(to), name(to));
      result = Result.DONE;
    } catch (Outcome e) {
      result = e.code() == ErrorCode.NOT_FOUND ? Result.REFUSED : Result.UNKNOWN;
      if (result == Result.UNKNOWN) {
        app.fail("rename of token" + token, e);
      }
    } finally {
      moved(token, from, to, result, startNs);
    }
  }

  private void moved(int token, String from, String to, Result result, long startNs) {
    long endNs = app.time.nowNs();
    names.move(app.client, "token" + token, from, to, result, startNs, endNs);
    app.note("token" + token + ": " + from + " -> " + to + ": " + result);
    if (result == Result.REFUSED) {
      board.places.get(token).remove(to);
    }
  }

  private void look() {
    int token = app.chance.nextInt(Board.TOKENS);
    String place = guess(token);
    long startNs = app.time.nowNs();
    try {
      app.vfs().lookup(directory(place), name(place));
      names.look(app.client, "token" + token, place, true, startNs, app.time.nowNs());
      app.note("token" + token + " is at " + place);
    } catch (Outcome e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        names.look(app.client, "token" + token, place, false, startNs, app.time.nowNs());
        app.note("token" + token + " is not at " + place);
      } else {
        app.fail("lookup of token" + token, e);
      }
    }
  }

  /** Two or three want to make the same file. */
  private void race() {
    String file = "race" + board.races++ / 3;
    long startNs = app.time.nowNs();
    Result result = Result.UNKNOWN;
    try {
      long handle = make(file);
      result = Result.DONE;
      app.vfs().files().release(handle);
    } catch (Outcome e) {
      result = e.code() == ErrorCode.EXISTS ? Result.REFUSED : Result.UNKNOWN;
    } finally {
      names.create(app.client, file, result, startNs, app.time.nowNs());
      app.note("making of " + file + ": " + result);
    }
  }

  private long make(String file) throws Outcome {
    return app.vfs()
        .files()
        .create(Application.CALLER, app.root(), Application.bytes(file), 0644, EXCLUSIVE)
        .handle();
  }

  /** A whole file, synced, takes the place of the target. */
  private void replace() {
    int value = ++board.moves;
    String draft = "draft" + value;
    try {
      long handle = make(draft);
      try {
        app.vfs().files().write(handle, 0, Records.fill(value, WHOLE_RECORDS), false);
        app.vfs().files().fsync(handle, app.chance.nextBoolean());
      } finally {
        app.vfs().files().release(handle);
      }
    } catch (Outcome e) {
      app.fail("making of " + draft, e);
      return;
    }
    long startNs = app.time.nowNs();
    long endNs = RegisterHistory.NEVER;
    try {
      app.vfs()
          .rename(
              Application.CALLER,
              app.root(),
              Application.bytes(draft),
              app.root(),
              Application.bytes(TARGET));
      endNs = app.time.nowNs();
      app.note(draft + " is the target");
    } catch (Outcome e) {
      app.fail("rename of " + draft, e);
    } finally {
      names.replace(app.client, TARGET, value, startNs, endNs);
    }
  }

  private void readTarget() {
    long startNs = app.time.nowNs();
    long handle;
    try {
      Attributes found = app.vfs().lookup(app.root(), Application.bytes(TARGET));
      handle = app.vfs().files().open(Application.CALLER, found.getInode(), OpenMode.READ);
    } catch (Outcome e) {
      onNoTarget(e, startNs);
      return;
    }
    try {
      ByteBuffer bytes = ByteBuffer.allocate((WHOLE_RECORDS + 1) * Records.BYTES);
      int count = app.vfs().files().read(handle, 0, bytes);
      int value = Records.value(bytes.array(), 0);
      for (int i = 1; i < WHOLE_RECORDS; i++) {
        value = Records.value(bytes.array(), i) == value ? value : 0;
      }
      value = count == WHOLE_RECORDS * Records.BYTES ? Math.max(0, value) : 0;
      names.read(app.client, TARGET, value, startNs, app.time.nowNs());
      app.note("the target is file " + value + (value == 0 ? ", " + count + " bytes" : ""));
      app.vfs().files().release(handle);
    } catch (Outcome e) {
      app.fail("read of the target", e);
    }
  }

  /** The name, or the file that was found: that one may be gone when it is opened. */
  private void onNoTarget(Outcome e, long startNs) {
    if (e.code() != ErrorCode.NOT_FOUND && e.code() != ErrorCode.STALE_HANDLE) {
      app.fail("open of the target", e);
      return;
    }
    long againNs = app.time.nowNs();
    try {
      app.vfs().lookup(app.root(), Application.bytes(TARGET));
    } catch (Outcome again) {
      if (again.code() == ErrorCode.NOT_FOUND) {
        names.vanished(app.client, TARGET, againNs, app.time.nowNs());
      }
    }
    app.note("no target: " + e.code() + ", asked at " + startNs);
  }
}
