package io.lockstep.tools.config;

import io.lockstep.tools.UserError;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Confined to its caller. Named values from a file, overridden by flags: each is taken once,
 * checked against its range, and what nobody took at the end is refused by name. Every error names
 * the key, the value found and what is allowed.
 */
public final class Entries {
  private static final Pattern ADDRESS =
      Pattern.compile("(\\[[0-9a-fA-F:.]+\\]|[^:\\s]+):(\\d{1,5})");

  private final String origin;
  private final Map<String, Object> values;
  private final TreeSet<String> taken = new TreeSet<>();

  /**
   * @param origin where the values come from, for errors
   */
  public Entries(String origin, Map<String, ?> values) {
    this.origin = origin;
    this.values = new TreeMap<>(values);
  }

  /** Sets {@code key} unless {@code value} is null: flags win over the file. */
  public Entries override(String key, Object value) {
    if (value != null) {
      values.put(key, value);
    }
    return this;
  }

  public String text(String key, String fallback, Pattern allowed, String range) throws UserError {
    Object value = take(key);
    if (value == null) {
      return fallback;
    }
    if (!(value instanceof String || value instanceof Number)
        || !allowed.matcher(value.toString()).matches()) {
      throw refuse(key, value, range);
    }
    return value.toString();
  }

  public int integer(String key, int fallback, int min, int max) throws UserError {
    Object value = take(key);
    if (value == null) {
      return fallback;
    }
    if (value instanceof Integer number && number >= min && number <= max) {
      return number;
    }
    throw refuse(key, value, "a whole number from " + min + " to " + max);
  }

  /** A path made absolute, or null if there is none. */
  public Path path(String key) throws UserError {
    Object value = take(key);
    if (value == null) {
      return null;
    }
    if (value instanceof Path path) {
      return path.toAbsolutePath().normalize();
    }
    if (!(value instanceof String text) || text.isEmpty()) {
      throw refuse(key, value, "a path");
    }
    try {
      return Path.of(text).toAbsolutePath().normalize();
    } catch (InvalidPathException e) {
      throw refuse(key, value, "a path");
    }
  }

  public Path requiredPath(String key) throws UserError {
    Path path = path(key);
    if (path == null) {
      throw missing(key, "a path");
    }
    return path;
  }

  /** A host to listen on: loopback only, as long as there is no TLS. */
  public String loopbackHost(String key, String fallback) throws UserError {
    String host = text(key, fallback, Pattern.compile("\\S{1,255}"), "a host name or address");
    try {
      if (InetAddress.getByName(host).isLoopbackAddress()) {
        return host;
      }
    } catch (UnknownHostException e) {
      throw refuse(key, host, "a known host name or address");
    }
    throw refuse(
        key, host, "a loopback address (127.0.0.1): other hosts are refused until there is TLS");
  }

  /** At least one {@code host:port}, from a list or from a text with commas. */
  public List<String> addresses(String key) throws UserError {
    Object value = take(key);
    if (value == null) {
      throw missing(key, "HOST:PORT[,HOST:PORT...]");
    }
    List<String> addresses = new ArrayList<>();
    List<?> items = value instanceof List<?> list ? list : List.of(value.toString().split(",", -1));
    for (Object item : items) {
      addresses.add(checkedAddress(key, item));
    }
    if (addresses.isEmpty()) {
      throw refuse(key, value, "HOST:PORT[,HOST:PORT...]");
    }
    return List.copyOf(addresses);
  }

  private String checkedAddress(String key, Object item) throws UserError {
    String address = String.valueOf(item).trim();
    var parts = ADDRESS.matcher(address);
    if (!parts.matches()) {
      throw refuse(key, address, "HOST:PORT");
    }
    int port = Integer.parseInt(parts.group(2));
    if (port < 1 || port > 65_535) {
      throw refuse(key, address, "HOST:PORT with a port from 1 to 65535");
    }
    return address;
  }

  /** After everything was taken: what is left is unknown. */
  public void refuseOthers() throws UserError {
    TreeSet<String> unknown = new TreeSet<>(values.keySet());
    unknown.removeAll(taken);
    if (!unknown.isEmpty()) {
      throw UserError.misuse(
          "%s: unknown key \"%s\" (known: %s)", origin, unknown.first(), String.join(", ", taken));
    }
  }

  private Object take(String key) {
    taken.add(key);
    return values.get(key);
  }

  private UserError refuse(String key, Object value, String range) {
    return UserError.misuse("%s: %s is \"%s\", expected %s", origin, key, value, range);
  }

  private UserError missing(String key, String range) {
    return UserError.misuse("%s: %s is missing, expected %s", origin, key, range);
  }
}
