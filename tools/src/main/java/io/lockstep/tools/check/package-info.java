/**
 * {@code volume check}: compares the members of each replica set with each other and with the
 * namespace.
 */
package io.lockstep.tools.check;
