package io.lockstep.simulation.check;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to its owner. What applications did to names.
 *
 * <p><b>Exclusive creation</b>: of those who make one name with O_EXCL exactly one wins, if any may
 * have won.
 *
 * <p><b>Tokens</b>: files that are renamed to names that nothing else ever has. Each is in one
 * place at any time: every name is left by one rename only, and the names that it had follow each
 * other as the values of a register do. Who is told that a name does not exist asked when it did
 * not surely exist.
 *
 * <p><b>Targets</b>: names over which whole files are renamed. A target is a register of whole
 * files, and once it exists it never does not.
 */
public final class NameHistory {
  /** How a change of names ended. */
  public enum Result {
    DONE,
    /** It was there already (creation), or was not there (rename). */
    REFUSED,
    /** An error that says nothing, or none at all. */
    UNKNOWN
  }

  private record Creation(String who, String name, Result result, long startNs, long endNs) {}

  private record Move(
      String who, String token, String from, String to, Result result, long startNs, long endNs) {}

  private record Sight(
      String who, String token, String place, boolean there, long startNs, long endNs) {}

  private record Replacement(String who, String target, int value, long startNs, long endNs) {}

  /** Value -1: the target was not there. */
  private record Look(String who, String target, int value, long startNs, long endNs) {}

  private static final int ABSENT = -1;

  private final List<Creation> creations = new ArrayList<>();
  private final Map<String, String> births = new TreeMap<>();
  private final List<Move> moves = new ArrayList<>();
  private final List<Sight> sights = new ArrayList<>();
  private final Map<String, List<String>> ends = new TreeMap<>();
  private final List<Replacement> replacements = new ArrayList<>();
  private final List<Look> looks = new ArrayList<>();

  // ---- what is written down

  /** Somebody tried to make a name with O_EXCL; REFUSED = it was there already. */
  public void create(String who, String name, Result result, long startNs, long endNs) {
    creations.add(new Creation(who, name, result, startNs, endNs));
  }

  /** A token begins its life, before anybody moves it. */
  public void born(String token, String place) {
    births.put(token, place);
  }

  /**
   * Somebody tried to rename a token; REFUSED = there was no such name.
   *
   * @param to a name that nothing else is ever given
   */
  public void move(
      String who, String token, String from, String to, Result result, long startNs, long endNs) {
    moves.add(new Move(who, token, from, to, result, startNs, endNs));
  }

  /** Somebody looked a token up by a name that it may have. */
  public void look(
      String who, String token, String place, boolean there, long startNs, long endNs) {
    sights.add(new Sight(who, token, place, there, startNs, endNs));
  }

  /** At rest: all places at which the token is found. */
  public void found(String token, List<String> places) {
    ends.put(token, List.copyOf(places));
  }

  /**
   * A whole file was renamed over a target.
   *
   * @param value positive, of this file alone
   * @param endNs {@link RegisterHistory#NEVER} if the outcome is not known
   */
  public void replace(String who, String target, int value, long startNs, long endNs) {
    replacements.add(new Replacement(who, target, value, startNs, endNs));
  }

  /** A target was read whole: the number of its file, 0 = a mix or nothing whole. */
  public void read(String who, String target, int value, long startNs, long endNs) {
    looks.add(new Look(who, target, value, startNs, endNs));
  }

  /** A target was not there. */
  public void vanished(String who, String target, long startNs, long endNs) {
    looks.add(new Look(who, target, ABSENT, startNs, endNs));
  }

  public int moves() {
    return moves.size();
  }

  public int creations() {
    return creations.size();
  }

  public int looks() {
    return looks.size();
  }

  // ---- whether it can be

  /** What the history violates; empty if nothing. */
  public List<Violation> violations() {
    List<Violation> violations = new ArrayList<>();
    creations(violations);
    tokens(violations);
    targets(violations);
    return violations;
  }

  private void creations(List<Violation> violations) {
    Map<String, List<Creation>> names = new TreeMap<>();
    creations.forEach(c -> names.computeIfAbsent(c.name, name -> new ArrayList<>()).add(c));
    names.forEach(
        (name, all) -> {
          List<Creation> winners = all.stream().filter(c -> c.result == Result.DONE).toList();
          if (winners.size() > 1) {
            violations.add(
                new Violation(
                    name, winners.get(0).who + " and " + winners.get(1).who + " both made it"));
          }
          for (Creation loser : all) {
            boolean possible =
                all.stream().anyMatch(c -> c.result != Result.REFUSED && c.startNs < loser.endNs);
            if (loser.result == Result.REFUSED && !possible) {
              violations.add(
                  new Violation(name, loser.who + " was told that it exists, and nobody made it"));
            }
          }
        });
  }

  /** Places of one token, numbered for its register. */
  private static final class Token {
    final RegisterHistory register = new RegisterHistory();
    final Map<String, Integer> numbers = new HashMap<>();
    final Map<String, Move> leaving = new HashMap<>();

    /** The first place is the initial value. */
    Token(String born) {
      number(born);
    }

    int number(String place) {
      return numbers.computeIfAbsent(place, p -> numbers.size());
    }
  }

  private void tokens(List<Violation> violations) {
    Map<String, Token> tokens = new TreeMap<>();
    births.forEach((token, place) -> tokens.put(token, new Token(place)));
    for (Move move : moves) {
      Token token = tokens.computeIfAbsent(move.token, name -> new Token("before"));
      if (move.result != Result.REFUSED) {
        token.register.write(
            token.number(move.to),
            move.startNs,
            move.result == Result.DONE ? move.endNs : RegisterHistory.NEVER);
      }
    }
    for (Move move : moves) {
      Token token = tokens.get(move.token);
      if (move.result == Result.DONE) {
        token.register.read(token.number(move.from), move.startNs, move.endNs);
        Move other = token.leaving.put(move.from, move);
        if (other != null) {
          violations.add(
              new Violation(
                  move.token,
                  other.who
                      + " and "
                      + move.who
                      + " both renamed it from "
                      + move.from
                      + ", to "
                      + other.to
                      + " and "
                      + move.to));
        }
      }
    }
    for (Sight sight : sights) {
      Token token = tokens.get(sight.token);
      if (token != null && sight.there) {
        token.register.read(token.number(sight.place), sight.startNs, sight.endNs);
      }
    }
    absent(tokens, violations);
    ends(tokens, violations);
    tokens.forEach(
        (name, token) -> {
          String problem = token.register.problem();
          if (problem != null) {
            violations.add(new Violation(name, inWords(problem, token)));
          }
        });
  }

  private static String inWords(String problem, Token token) {
    StringBuilder text = new StringBuilder(problem.replace("value ", "place #"));
    token.numbers.entrySet().stream()
        .filter(entry -> problem.matches(".*value " + entry.getValue() + "\\b.*"))
        .forEach(
            entry ->
                text.append("; #").append(entry.getValue()).append(" is ").append(entry.getKey()));
    return text.toString();
  }

  /** Nobody is told that a name is not there while it surely is. */
  private void absent(Map<String, Token> tokens, List<Violation> violations) {
    for (Move move : moves) {
      if (move.result == Result.REFUSED) {
        absent(tokens, move.who, move.token, move.from, move.startNs, move.endNs, violations);
      }
    }
    for (Sight sight : sights) {
      if (!sight.there) {
        absent(tokens, sight.who, sight.token, sight.place, sight.startNs, sight.endNs, violations);
      }
    }
  }

  private static void absent(
      Map<String, Token> tokens,
      String who,
      String name,
      String place,
      long startNs,
      long endNs,
      List<Violation> violations) {
    Token token = tokens.get(name);
    Integer number = token == null ? null : token.numbers.get(place);
    if (number != null && token.register.surelyHeld(number, startNs, endNs)) {
      violations.add(
          new Violation(
              name,
              who
                  + " was told at "
                  + RegisterHistory.time(endNs)
                  + " that it is not at "
                  + place
                  + ", and it was there before and after"));
    }
  }

  private void ends(Map<String, Token> tokens, List<Violation> violations) {
    ends.forEach(
        (name, places) -> {
          Token token = tokens.get(name);
          if (places.size() != 1) {
            violations.add(
                new Violation(name, "at the end it is in " + places.size() + " places: " + places));
          } else if (token != null) {
            long atNs = RegisterHistory.NEVER - 1;
            token.register.read(token.number(places.get(0)), atNs - 1, atNs);
          }
        });
  }

  private void targets(List<Violation> violations) {
    Map<String, RegisterHistory> registers = new TreeMap<>();
    Map<String, Long> firstEnds = new TreeMap<>();
    for (Replacement each : replacements) {
      registers
          .computeIfAbsent(each.target, name -> new RegisterHistory())
          .write(each.value, each.startNs, each.endNs);
      firstEnds.merge(each.target, each.endNs, Math::min);
    }
    for (Look look : looks) {
      if (look.value > 0) {
        registers
            .computeIfAbsent(look.target, name -> new RegisterHistory())
            .read(look.value, look.startNs, look.endNs);
      } else if (firstEnds.getOrDefault(look.target, RegisterHistory.NEVER) < look.startNs) {
        String what = look.value == ABSENT ? " did not find it at " : " found no whole file at ";
        violations.add(
            new Violation(look.target, look.who + what + RegisterHistory.time(look.endNs)));
      }
    }
    registers.forEach(
        (name, register) -> {
          String problem = register.problem();
          if (problem != null) {
            violations.add(new Violation(name, problem.replace("value ", "file ")));
          }
        });
  }

  // ---- for people

  void tell(String object, Story story) {
    for (Creation c : creations) {
      if (c.name.equals(object)) {
        story.add(c.startNs, c.endNs, c.who + " creates it: " + c.result);
      }
    }
    for (Move m : moves) {
      if (m.token.equals(object)) {
        story.add(
            m.startNs, m.endNs, m.who + " renames it " + m.from + " -> " + m.to + ": " + m.result);
      }
    }
    for (Sight s : sights) {
      if (s.token.equals(object)) {
        story.add(
            s.startNs, s.endNs, s.who + (s.there ? " sees it at " : " misses it at ") + s.place);
      }
    }
    for (Replacement r : replacements) {
      if (r.target.equals(object)) {
        story.add(r.startNs, r.endNs, r.who + " renames file " + r.value + " over it");
      }
    }
    for (Look l : looks) {
      if (l.target.equals(object)) {
        String what = l.value == ABSENT ? " does not find it" : " reads file " + l.value;
        story.add(l.startNs, l.endNs, l.who + what);
      }
    }
  }
}
