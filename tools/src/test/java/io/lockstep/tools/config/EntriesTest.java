package io.lockstep.tools.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.tools.UserError;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EntriesTest {
  private static final String GOOD =
      """
      data: /srv/storage
      masters: [127.0.0.1:20000, 127.0.0.1:20001]
      secret-file: /etc/secret
      """;

  @TempDir private Path directory;

  private StorageSettings read(String yaml) throws Exception {
    Path file = directory.resolve("storage.yaml");
    Files.writeString(file, yaml);
    return StorageSettings.from(YamlFile.read(file));
  }

  @Test
  void settingsComeFromTheFile() throws Exception {
    StorageSettings settings = read(GOOD + "zone: rack-1\nport: 20123\n");
    assertThat(settings.data()).isEqualTo(Path.of("/srv/storage"));
    assertThat(settings.masters()).containsExactly("127.0.0.1:20000", "127.0.0.1:20001");
    assertThat(settings.host()).isEqualTo("127.0.0.1");
    assertThat(settings.port()).isEqualTo(20123);
    assertThat(settings.zone()).isEqualTo("rack-1");
    assertThat(settings.readyFile()).isNull();
  }

  @Test
  void flagsWinOverTheFile() throws Exception {
    Path file = directory.resolve("storage.yaml");
    Files.writeString(file, GOOD);
    StorageSettings settings =
        StorageSettings.from(
            YamlFile.read(file).override("masters", "localhost:1,[::1]:2").override("zone", null));
    assertThat(settings.masters()).isEqualTo(List.of("localhost:1", "[::1]:2"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "prot: 1 | unknown key \"prot\" (known: data, host, log-file, masters, port, ready-file, secret-file, zone)",
        "port: 65536 | port is \"65536\", expected a whole number from 0 to 65535",
        "port: many | port is \"many\", expected a whole number from 0 to 65535",
        "port: 1.5 | port is \"1.5\", expected a whole number from 0 to 65535",
        "host: 0.0.0.0 | host is \"0.0.0.0\", expected a loopback address",
        "host: 10.1.2.3 | host is \"10.1.2.3\", expected a loopback address",
        "zone: 'a b' | zone is \"a b\", expected up to 64 letters",
        "log-file: [a] | log-file is \"[a]\", expected a path",
      })
  void badValueIsRefusedByNameWithItsRange(String line, String complaint) {
    assertThatThrownBy(() -> read(GOOD + line + "\n"))
        .isInstanceOfSatisfying(UserError.class, e -> assertThat(e.exitCode()).isEqualTo(2))
        .hasMessageContaining("storage.yaml")
        .hasMessageContaining(complaint);
  }

  @ParameterizedTest
  @ValueSource(strings = {"data", "masters", "secret-file"})
  void missingKeyIsNamed(String key) {
    String without =
        GOOD.lines().filter(l -> !l.startsWith(key)).reduce("", (a, b) -> a + b + "\n");
    assertThatThrownBy(() -> read(without)).hasMessageContaining(key + " is missing, expected");
  }

  @ParameterizedTest
  @ValueSource(strings = {"here", "here:", "here:0", "here:65536", "a b:1", "here:1:2"})
  void masterThatIsNoAddressIsRefused(String address) {
    assertThatThrownBy(() -> read(GOOD.replace("127.0.0.1:20001", "'" + address + "'")))
        .hasMessageContaining("masters is \"" + address + "\", expected HOST:PORT");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"data: [", "data: a\ndata: b", "- a\n- b", "just words", "a: b: c", "\t- x"})
  void malformedYamlIsOneLineOfMisuse(String yaml) {
    assertThatThrownBy(() -> read(yaml))
        .isInstanceOfSatisfying(UserError.class, e -> assertThat(e.exitCode()).isEqualTo(2))
        .hasMessageMatching(".*storage.yaml: (not YAML: |expected lines of KEY: VALUE, found ).*");
  }

  @Test
  void emptyFileMissesItsKeys() {
    assertThatThrownBy(() -> read("")).hasMessageContaining("data is missing");
  }

  @Test
  void fileThatIsNotThereIsNamed() {
    assertThatThrownBy(() -> YamlFile.read(directory.resolve("none.yaml")))
        .hasMessageContaining("none.yaml: no such file");
  }
}
