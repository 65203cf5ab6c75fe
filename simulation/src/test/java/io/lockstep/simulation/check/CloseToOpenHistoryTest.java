package io.lockstep.simulation.check;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Each fault of close-to-open, planted into a history, is found. */
class CloseToOpenHistoryTest {
  private final CloseToOpenHistory files = new CloseToOpenHistory();

  private String problems() {
    return files.violations().toString();
  }

  @Test
  void whatWasClosedBeforeTheOpenIsSeen() {
    files.written("a", "file", 1, 0, 10);
    files.read("b", "file", "b.1", 1, 11, 20);
    files.written("a", "file", 2, 12, 15);
    // Opened before that close: either may be seen.
    files.read("b", "file", "b.1", 1, 11, 30);
    files.read("b", "file", "b.1", 2, 11, 31);
    files.read("c", "file", "c.1", 2, 16, 32);
    assertThat(files.violations()).isEmpty();
  }

  @Test
  void whatWasClosedAndIsNotSeenIsFound() {
    files.written("a", "file", 1, 0, 10);
    files.written("a", "file", 2, 11, 15);
    files.read("b", "file", "b.1", 1, 16, 20);
    assertThat(problems()).contains("b opened it").contains("2 was closed");
  }

  @Test
  void anEmptyFileAfterACloseIsFound() {
    files.written("a", "file", 1, 0, 10);
    files.read("b", "file", "b.1", 0, 16, 20);
    assertThat(problems()).contains("read 0").contains("1 was closed");
  }

  @Test
  void aDescriptorThatGoesBackIsFound() {
    files.written("a", "file", 1, 0, 10);
    files.written("a", "file", 2, 12, 30);
    files.read("b", "file", "b.1", 2, 5, 20);
    files.read("b", "file", "b.1", 1, 5, 25);
    assertThat(problems()).contains("through the same descriptor");
  }

  @Test
  void whatNobodyWroteIsFound() {
    files.read("b", "file", "b.1", 5, 1, 2);
    assertThat(problems()).contains("nobody had written");
  }

  @Test
  void aDescriptorMayGoBackFromWhatWasLost() {
    files.written("a", "file", 1, 0, 10);
    files.written("a", "file", 2, 12, RegisterHistory.NEVER);
    files.read("b", "file", "b.1", 2, 11, 20);
    files.read("b", "file", "b.1", 1, 11, 25);
    assertThat(files.violations()).isEmpty();
  }

  @Test
  void aWriterThatWasNeverClosedPromisesNothing() {
    files.written("a", "file", 1, 0, RegisterHistory.NEVER);
    files.read("b", "file", "b.1", 0, 16, 20);
    files.read("c", "file", "c.1", 1, 16, 20);
    assertThat(files.violations()).isEmpty();
  }
}
