/** Files and folders that are replaced as a whole or not at all, and what a folder is by its files. */
package org.minigpt.files;
