package io.lockstep.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * {@code docs/behaviours.md} names for each behaviour a test that exists and is not disabled, or
 * says why there is none. That each ran is for {@code verify} to say, when all have.
 */
class BehavioursTest {
  private static final Pattern ROW =
      Pattern.compile("\\| (\\d+|E-[A-D]\\d) \\|(.*)\\|(.*)\\|(.*)\\|");
  private static final Pattern NAMED = Pattern.compile("`([\\w.]+)#(\\w+)`");
  private static final Pattern ANNOTATED =
      Pattern.compile(
          "((?:@\\w+(?:\\([^)]*\\))?\\s+)+)(?:public )?[\\w<>\\[\\]?, ]+ (\\w+)\\([^)]*\\)");

  private record Row(String number, String tests, String reason) {}

  private static Path top() {
    Path at = Path.of("").toAbsolutePath();
    while (!Files.exists(at.resolve("docs").resolve("behaviours.md"))) {
      at = at.getParent();
    }
    return at;
  }

  private static List<Row> rows() throws IOException {
    List<Row> rows = new ArrayList<>();
    for (String line : Files.readAllLines(top().resolve("docs").resolve("behaviours.md"))) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        rows.add(new Row(row.group(1), row.group(3).trim(), row.group(4).trim()));
      }
    }
    return rows;
  }

  @Test
  void everyBehaviourHasItsRow() throws IOException {
    List<String> numbers = new ArrayList<>();
    for (int i = 1; i <= 42; i++) {
      numbers.add(Integer.toString(i));
    }
    int[] counts = {8, 7, 7, 7};
    for (int letter = 0; letter < counts.length; letter++) {
      for (int i = 1; i <= counts[letter]; i++) {
        numbers.add("E-" + (char) ('A' + letter) + i);
      }
    }
    assertThat(rows()).extracting(Row::number).containsExactlyElementsOf(numbers);
  }

  @Test
  void everyRowHasATestOrAReason() throws IOException {
    for (Row row : rows()) {
      assertThat(row.tests + row.reason).as("row " + row.number).isNotEmpty();
      String left = NAMED.matcher(row.tests).replaceAll("").trim();
      assertThat(left).as("tests of row " + row.number).isEmpty();
    }
  }

  @Test
  void everyNamedTestExistsAndIsNotDisabled() throws IOException {
    List<String> missing = new ArrayList<>();
    for (Row row : rows()) {
      Matcher named = NAMED.matcher(row.tests);
      while (named.find()) {
        if (!isEnabledTest(named.group(1), named.group(2))) {
          missing.add(row.number + ": " + named.group());
        }
      }
    }
    assertThat(missing).isEmpty();
  }

  /** The checker does not take what is not there. */
  @Test
  void methodsThatAreNoTestsAreNotTaken() throws IOException {
    assertThat(isEnabledTest("tools.BehavioursTest", "everyBehaviourHasItsRow")).isTrue();
    assertThat(isEnabledTest("tools.BehavioursTest", "rows")).isFalse();
    assertThat(isEnabledTest("tools.BehavioursTest", "nothing")).isFalse();
    assertThat(isEnabledTest("tools.NoTest", "everyBehaviourHasItsRow")).isFalse();
  }

  private static boolean isEnabledTest(String name, String method) throws IOException {
    Path source =
        top()
            .resolve(name.substring(0, name.indexOf('.')))
            .resolve("src/test/java/io/lockstep")
            .resolve(name.replace('.', '/') + ".java");
    if (!Files.exists(source)) {
      return false;
    }
    String text = Files.readString(source);
    if (text.contains("@Disabled\nclass") || text.contains("@Disabled\nfinal class")) {
      return false;
    }
    Matcher annotated = ANNOTATED.matcher(text);
    while (annotated.find()) {
      String annotations = annotated.group(1);
      if (annotated.group(2).equals(method)) {
        return annotations.matches("(?s).*@(Test|TestFactory|ParameterizedTest|RepeatedTest)\\b.*")
            && !annotations.contains("@Disabled");
      }
    }
    return false;
  }
}
