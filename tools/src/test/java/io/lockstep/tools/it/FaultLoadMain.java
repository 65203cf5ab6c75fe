package io.lockstep.tools.it;

import io.lockstep.fs.fuse.Posix;
import io.lockstep.simulation.check.Violation;
import io.lockstep.tools.cluster.ClusterAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Confined to the main thread. The load in a process of its own: whoever starts programs while it
 * has files of a mount open waits for that mount, because a new process begins by closing them.
 *
 * <p>Each line on its input is a request, answered by one line, or by lines and an empty one; it
 * ends with its input.
 */
final class FaultLoadMain {
  private final FaultLoad load;
  private final FaultLiar liar;

  private FaultLoadMain(FaultLoad load) {
    this.load = load;
    this.liar = new FaultLiar(load);
  }

  /** Seed, master, secret file, then where the volume is mounted, the loose ones last. */
  public static void main(String[] words) throws Exception {
    ClusterAddress cluster = new ClusterAddress(List.of(words[1]), Path.of(words[2]));
    List<Path> mounts = Arrays.stream(words).skip(3).map(Path::of).toList();
    FaultLoadMain main =
        new FaultLoadMain(new FaultLoad(cluster, mounts, Long.parseLong(words[0])));
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    out.println("ready");
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(main.answer(line.split(" ")));
    }
    // Threads that wait for a dead mount would keep it.
    Runtime.getRuntime().halt(0);
  }

  private String answer(String[] words) throws IOException {
    int mount = words.length > 1 ? Integer.parseInt(words[1]) : 0;
    try {
      switch (words[0]) {
        case "status" -> {
          return load.status();
        }
        case "hold" -> load.hold();
        case "go" -> load.letGo();
        case "died" -> load.mountDied(mount);
        case "came" -> load.mountCame(mount);
        case "blackout" -> load.history().blackout();
        case "read" -> load.readAll(mount);
        case "end" -> load.end();
        case "plant" -> load.history().plant();
        case "judge" -> {
          return judge();
        }
        case "lie-prepare" -> {
          return "ok " + liar.prepare(mount);
        }
        case "lie" -> liar.write(mount);
        case "lie-read" -> {
          return "ok " + liar.isCaught(mount);
        }
        default -> throw new IOException("what is " + words[0]);
      }
      return "ok";
    } catch (Posix.Failed e) {
      return "errno " + e.errno();
    } catch (AssertionError e) {
      return "wrong " + e.getMessage() + ": " + e.getCause();
    }
  }

  private String judge() {
    FaultHistory history = load.history();
    List<Violation> violations = history.violations();
    StringBuilder text = new StringBuilder();
    text.append(history.counts()).append('\n');
    if (!history.hasMoves()) {
      text.append("INCONCLUSIVE: no lock was held, or no lease moved\n");
    }
    if (!history.isLooseShared()) {
      text.append("INCONCLUSIVE: no loose mount saw what the other one had closed\n");
    }
    history.told(violations).forEach(line -> text.append(line).append('\n'));
    return text.toString();
  }
}
