package io.lockstep.lockd.lease;

import io.lockstep.core.Times;
import io.lockstep.core.Token;
import io.lockstep.wire.message.LeaseMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Runs lines like {@code acquire s=11 i=7 lease=1 mode=X set=3} against one table and renders the
 * effects of each, so that a test is a text with the whole expected trace.
 */
final class LeaseScript {
  private static final long MS = 1_000_000;
  private static final long TICK_MS = 50;

  private final LeaseTable table;
  private final Map<Long, Token> settles = new HashMap<>();
  private Token seal;
  private long nowMs;

  LeaseScript(LeaseRules rules) {
    table = new LeaseTable(LeaseLimits.of(Times.DEFAULT), rules);
  }

  /** The effects of one line, each on a line of its own. */
  String run(String line) {
    String[] words = line.trim().split("\\s+");
    Map<String, String> args = new HashMap<>();
    for (String word : Arrays.copyOfRange(words, 1, words.length)) {
      int equals = word.indexOf('=');
      args.put(equals < 0 ? word : word.substring(0, equals), word.substring(equals + 1));
    }
    if (words[0].equals("advance")) {
      return advance(number(args, "ms"), number(args, "from"));
    }
    if (words[0].equals("rows")) {
      return rows();
    }
    return render("", input(words[0], args));
  }

  private List<Effect> input(String name, Map<String, String> args) {
    long now = nowMs * MS;
    long s = name.equals("open") ? 0 : number(args, "s");
    long i = number(args, "i");
    long lease = number(args, "lease");
    long deadline = now + number(args, "timeout", 30_000) * MS;
    return switch (name) {
      case "start" -> table.onStarted(number(args, "term"), numbers(args.get("sessions")), now);
      case "open" -> {
        List<Effect> effects = new ArrayList<>();
        numbers(args.get("s")).forEach(it -> effects.addAll(table.onSessionOpened(it, now)));
        yield effects;
      }
      case "acquire" ->
          table.onAcquire(
              new LeaseTable.Acquire(
                  s, i, lease, mode(args.get("mode")), number(args, "set"), deadline),
              now);
      case "release" -> table.onRelease(s, i, lease, !args.containsKey("unclean"), now);
      case "notmine" -> table.onRecallNotMine(s, i, lease, now);
      case "reclaim" ->
          table.onReclaim(s, reclaims(args.get("items")), args.containsKey("last"), now);
      case "end" -> table.onSessionEnded(s, args.containsKey("clean"), now);
      case "settled" -> table.onSettled(i, settles.get(i), !args.containsKey("failed"), now);
      case "swept" -> table.onOrphansSettled(seal, !args.containsKey("failed"), Set.of(), now);
      case "condemn" -> table.onCondemn(number(args, "r"), i, number(args, "set"), deadline, now);
      case "attributes" -> table.onSettleAttributes(number(args, "r"), i, s, 0, deadline, now);
      case "answer" -> table.onAnswerQuery(s, i, lease, number(args, "query"), now);
      default -> throw new IllegalArgumentException("unknown command " + name);
    };
  }

  /** Ticks for so long; effects before {@code fromMs} are not shown. */
  private String advance(long ms, long fromMs) {
    StringBuilder out = new StringBuilder();
    for (long passed = TICK_MS; passed <= ms; passed += TICK_MS) {
      nowMs += TICK_MS;
      String effects = render("+" + passed + "ms ", table.onTick(nowMs * MS));
      out.append(passed < fromMs || effects.equals("nothing\n") ? "" : effects);
    }
    return out.isEmpty() ? "nothing\n" : out.toString();
  }

  private String rows() {
    StringBuilder out = new StringBuilder();
    for (LeaseTable.Row row : table.rows(100, nowMs * MS)) {
      out.append(
          String.format(
              Locale.ROOT,
              "i=%d s=%d lease=%d %s %s token=%s age=%dms last end: %s%n",
              row.inode(),
              row.session(),
              row.lease(),
              row.mode(),
              row.state(),
              row.token(),
              row.ageNs() / MS,
              row.lastEnd().isEmpty() ? "-" : row.lastEnd()));
    }
    return out.isEmpty() ? "nothing\n" : out.toString();
  }

  private String render(String prefix, List<Effect> effects) {
    StringBuilder out = new StringBuilder();
    for (Effect effect : effects) {
      if (effect instanceof Effect.AskSettle it) {
        settles.put(it.inode(), it.token());
      } else if (effect instanceof Effect.AskSettleOrphans it) {
        seal = it.seal();
      }
      out.append(prefix).append(render(effect)).append('\n');
    }
    return out.isEmpty() ? "nothing\n" : out.toString();
  }

  private static String render(Effect effect) {
    // Records print themselves; only the punctuation is made lighter.
    return effect
        .toString()
        .replace("session=", "s=")
        .replace("inode=", "i=")
        .replaceAll("Token\\[term=(\\d+), sequence=(\\d+)]", "$1.$2")
        .replace(", ", " ")
        .replace('[', ' ')
        .replace("]", "");
  }

  private static List<LeaseTable.Reclaim> reclaims(String items) {
    List<LeaseTable.Reclaim> reclaims = new ArrayList<>();
    if (items == null) {
      return reclaims;
    }
    for (String item : items.split(",")) {
      String[] part = item.split(":");
      String[] token = part[3].split("\\.");
      reclaims.add(
          new LeaseTable.Reclaim(
              Long.parseLong(part[0]),
              Long.parseLong(part[1]),
              mode(part[2]),
              new Token(Long.parseLong(token[0]), Long.parseLong(token[1])),
              Long.parseLong(part[4])));
    }
    return reclaims;
  }

  private static LeaseMode mode(String name) {
    return name.equals("X") ? LeaseMode.EXCLUSIVE : LeaseMode.SHARED;
  }

  private static List<Long> numbers(String list) {
    return list == null || list.isEmpty()
        ? List.of()
        : Arrays.stream(list.split(",")).map(Long::valueOf).toList();
  }

  private static long number(Map<String, String> args, String name) {
    return number(args, name, 0);
  }

  private static long number(Map<String, String> args, String name, long otherwise) {
    String value = args.get(name);
    return value == null ? otherwise : Long.parseLong(value);
  }
}
