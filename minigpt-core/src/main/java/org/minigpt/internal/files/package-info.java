/** What a file is by its first bytes. */
package org.minigpt.internal.files;
