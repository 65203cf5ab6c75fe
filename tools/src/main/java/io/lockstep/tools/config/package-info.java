/**
 * Settings of daemons from flags and YAML: read and checked once, before anything starts.
 * Immutable.
 */
package io.lockstep.tools.config;
