package io.lockstep.tools.it;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Immutable. Records of one line each that several writers append to one log, and what a log must
 * look like: every record whole, those of one writer in the order in which they were written.
 */
final class AppendLog {
  private static final int FILLER_MAX = 90;
  private static final int FLAWS_MAX = 10;

  private AppendLog() {}

  /** The same bytes for the same numbers; lengths differ, so that a wrong offset tears a record. */
  static byte[] record(int writer, int number) {
    int filler = Math.floorMod(number * 31 + writer * 7, FILLER_MAX);
    String text =
        "w" + writer + " " + number + " " + String.valueOf((char) ('a' + writer)).repeat(filler);
    return (text + "\n").getBytes(US_ASCII);
  }

  /**
   * What is wrong with a log of which so many records per writer were acknowledged; few of them.
   */
  static List<String> flaws(byte[] log, int writers, int records) {
    List<String> flaws = prefixFlaws(log);
    Map<Integer, Integer> found = new HashMap<>();
    for (String line : new String(log, US_ASCII).split("\n", -1)) {
      int writer = writerOf(line);
      if (writer >= 0) {
        found.merge(writer, 1, Integer::sum);
      }
    }
    for (int writer = 0; writer < writers; writer++) {
      int count = found.getOrDefault(writer, 0);
      if (count != records) {
        flaws.add("writer " + writer + " has " + count + " records, not " + records);
      }
    }
    return flaws;
  }

  /** What is wrong with a log that may still grow. */
  static List<String> prefixFlaws(byte[] log) {
    List<String> flaws = new ArrayList<>();
    Map<Integer, Integer> next = new HashMap<>();
    int position = 0;
    while (position < log.length && flaws.size() < FLAWS_MAX) {
      int end = position;
      while (end < log.length && log[end] != '\n') {
        end++;
      }
      String line = new String(log, position, end - position, US_ASCII);
      if (end == log.length) {
        flaws.add("at " + position + ": no end of line after " + shown(line));
      } else {
        check(line, position, next, flaws);
      }
      position = end + 1;
    }
    return flaws;
  }

  private static void check(String line, int at, Map<Integer, Integer> next, List<String> flaws) {
    int writer = writerOf(line);
    if (writer < 0) {
      flaws.add("at " + at + ": no record: " + shown(line));
      return;
    }
    int number = Integer.parseInt(line.split(" ", -1)[1]);
    int expected = next.getOrDefault(writer, 0);
    if (number != expected) {
      flaws.add("at " + at + ": record " + number + " of writer " + writer + ", not " + expected);
    }
    next.put(writer, number + 1);
  }

  /** The writer of a whole record, or -1. */
  private static int writerOf(String line) {
    String[] words = line.split(" ", -1);
    if (words.length != 3 || !words[0].matches("w\\d+") || !words[1].matches("\\d{1,9}")) {
      return -1;
    }
    int writer = Integer.parseInt(words[0].substring(1));
    byte[] whole = record(writer, Integer.parseInt(words[1]));
    return new String(whole, 0, whole.length - 1, US_ASCII).equals(line) ? writer : -1;
  }

  private static String shown(String line) {
    String start = line.substring(0, Math.min(line.length(), 60)).replace('\0', '0');
    return '"' + start + "\" (" + line.length() + " bytes)";
  }
}
